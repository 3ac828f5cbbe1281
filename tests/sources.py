"""Probed facts of an upload, as tests of plans need them: one ordinary 1080p source, and what differs from it."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from typing import Any

from transcode.probe.source import AudioTrack, Index, Source, SourceGop, VideoTrack

NTSC = Fraction(30000, 1001)
SOUND = AudioTrack(
    index=1,
    codec="aac",
    channels=2,
    layout="stereo",
    sample_rate_hz=44_100,
    language="eng",
    start_s=Fraction(0),
    duration_s=Fraction(7),
    profile="LC",
    bit_rate_bps=128_000,
)


def source(
    *,
    audio: tuple[AudioTrack, ...] = (SOUND,),
    duration_s: Fraction = Fraction(7),
    container: str = "mp4",
    damaged: bool = False,
    unplayable_audio: tuple[str, ...] = (),
    version: int = 0,
    **video: Any,
) -> Source:
    """An ordinary 1080p upload of 7 s with one sound track, its picture above every cap; `video` changes that."""
    size = {name: video[name] for name in ("width", "height") if name in video}
    facts = {
        "index": 0,
        "codec": "h264",
        "width": 1920,
        "height": 1080,
        "sample_aspect": Fraction(1),
        "rotation": 0,
        "shown_width": size.get("width", 1920),
        "shown_height": size.get("height", 1080),
        "frame_rate": NTSC,
        "variable": False,
        "frames": 210,
        "start_s": Fraction(0),
        "duration_s": duration_s,
        "keyframes": 4,
        "longest_gop_s": Fraction(2),
        "longest_gap_s": Fraction(1, 25),
        "bit_rate_bps": 20_000_000,
        "profile": "High",
        "level": 41,
        "pixel_format": "yuv420p",
        "bit_depth": 8,
        "interlaced": False,
        "primaries": "bt709",
        "transfer": "bt709",
        "matrix": "bt709",
        "full_range": False,
    }
    return Source(
        origin_s=Fraction(0),
        container=container,
        bytes=1,
        duration_s=duration_s,
        video=VideoTrack(**{**facts, **video}),
        audio=audio,
        unplayable_audio=unplayable_audio,
        damaged=damaged,
        version=version,
    )


def index_of(keyframes: Sequence[int], frames: int, **changed: bool) -> Index:
    """A track of `frames` pictures whose GOPs begin at `keyframes`."""
    gops = tuple(SourceGop(frame=a, frames=b - a, bytes=1000 * (b - a)) for a, b in pairwise([*keyframes, frames]))
    return Index(gops=gops, all_idr=changed.get("all_idr", True), constant=changed.get("constant", True))


def conforming(rate: Fraction, frames: int, **changed: Any) -> Source:
    """An upload whose 1080p picture may be delivered as it is."""
    duration_s = frames / rate
    sound = replace(SOUND, duration_s=duration_s)
    facts = {"audio": (sound,), "bit_rate_bps": 5_000_000, "frame_rate": rate, "frames": frames, **changed}
    return source(duration_s=duration_s, **facts)
