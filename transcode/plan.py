"""Source + ladder -> EncodePlan: every decision about the encode as one value. Pure, no I/O.

The plan counts in output frames: how many there are is decided here, so that the encode can be checked against it.
"""

import re
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import langcodes
from langcodes.tag_parser import LanguageTagError

from core.errors import Rejected
from core.steps import digest
from presets.ladder import DEFAULT, SHORTEST_SIDE, Rung, cap_between
from transcode.source import Source

VERSION = 1  # part of the plan's digest: a change of what the encoder does must not reuse old outputs
FASTEST_RATE = Fraction(60)
GOP_S, GOPS_PER_SEGMENT = 2, 3
AUDIO_RATE_HZ, AUDIO_BPS = 48_000, 128_000
_TAG = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoRung:
    """One video rendition to make. Sizes are even, displayed pixels; the bit rate is capped at `cap_bps`."""

    id: str
    width: int
    height: int
    cap_bps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPlan:
    """One stereo AAC rendition from track `index`."""

    index: int
    language: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodePlan:
    """What to encode. Rungs go from largest to smallest; all share frame rate, GOP and segment grid."""

    version: int
    container: str
    video_index: int
    frame_rate: Fraction
    frames: int
    gop_frames: int
    segment_frames: int
    rungs: tuple[VideoRung, ...]
    audio: AudioPlan | None
    deinterlace: bool
    tone_map: bool
    from_matrix: str  # what the picture's YCbCr means: "bt709", "bt601" or "bt2020"
    from_full_range: bool
    preset: str
    crf: int

    @property
    def duration_s(self) -> Fraction:
        return self.frames / self.frame_rate

    @property
    def timescale(self) -> int:
        """Ticks per second in which one frame is a whole number of ticks and times stay exact."""
        return self.frame_rate.numerator * (1 if self.frame_rate.numerator >= 1000 else 1000)

    @property
    def frame_ticks(self) -> int:
        return self.timescale * self.frame_rate.denominator // self.frame_rate.numerator

    def digest(self) -> str:
        return digest(plan_to_json(self))


def plan(source: Source, *, ladder: tuple[Rung, ...] = DEFAULT, preset: str = "fast", crf: int = 23) -> EncodePlan:
    """Decide. Raises Rejected(dimensions) for a picture too small to show."""
    video = source.video
    if min(video.shown_width, video.shown_height) < SHORTEST_SIDE:
        raise Rejected(
            "dimensions",
            f"The picture is {video.shown_width}x{video.shown_height}.",
            f"The short side must be at least {SHORTEST_SIDE} pixels.",
        )
    rate = video.frame_rate
    while rate > FASTEST_RATE:
        rate /= 2
    gop = max(1, round(GOP_S * rate))
    return EncodePlan(
        version=VERSION,
        container=source.container,
        video_index=video.index,
        frame_rate=rate,
        # All renditions cover the longest track (Apple 8.7); the last picture stands where the sound goes on.
        frames=max(1, round(source.duration_s * rate)),
        gop_frames=gop,
        segment_frames=gop * GOPS_PER_SEGMENT,
        rungs=_rungs(video.shown_width, video.shown_height, ladder),
        audio=_audio(source),
        deinterlace=video.interlaced,
        tone_map=video.is_hdr,
        from_matrix=_matrix(video.matrix, min(video.width, video.height)),
        from_full_range=video.full_range,
        preset=preset,
        crf=crf,
    )


def _rungs(shown_width: int, shown_height: int, ladder: tuple[Rung, ...]) -> tuple[VideoRung, ...]:
    """Never upscaled; a source between rungs gets a top rung at its own size, one below all rungs gets only that."""
    short = min(shown_width, shown_height)
    chosen = [rung for rung in ladder if rung.short_side <= short]
    if short < ladder[0].short_side and (not chosen or chosen[0].short_side != _even_down(short)):
        chosen.insert(0, Rung(short_side=short, cap_bps=cap_between(short, ladder)))
    aspect = Fraction(shown_width, shown_height)
    rungs = []
    for rung in chosen:
        # Never above the source, even where its odd side must become even.
        side = _even_down(rung.short_side)
        long = _even_near(side * max(aspect, 1 / aspect))
        width, height = (long, side) if aspect >= 1 else (side, long)
        rungs.append(VideoRung(id=f"v{side}", width=width, height=height, cap_bps=rung.cap_bps))
    return tuple(rungs)


def _even_down(value: int) -> int:
    return max(2, value - value % 2)


def _even_near(value: Fraction) -> int:
    return max(2, round(value / 2) * 2)


def _audio(source: Source) -> AudioPlan | None:
    if not source.audio:
        return None
    return AudioPlan(index=source.audio[0].index, language=language_tag(source.audio[0].language))


def language_tag(named: str | None) -> str | None:
    """BCP 47 for what a container names: "eng" is "en". None for the undetermined, and for what is no language tag."""
    if named is None or not _TAG.fullmatch(named):
        return None
    try:
        tag: str = langcodes.standardize_tag(named)
    except LanguageTagError:
        return None
    return None if tag in ("und", "mul", "mis", "zxx") else tag


def _matrix(named: str, coded_short_side: int) -> str:
    if named in ("itu709", "bt709"):
        return "bt709"
    if named.startswith("bt2020"):
        return "bt2020"
    if named in ("itu601", "smpte170m", "fcc", "bt470bg"):
        return "bt601"
    # Unsaid: what players assume, too. SD is BT.601, HD is BT.709.
    return "bt709" if coded_short_side >= 720 else "bt601"


def plan_to_json(value: EncodePlan) -> dict[str, Any]:
    """Plain JSON values, for the step's output and the digest."""
    return {**asdict(value), "frame_rate": str(value.frame_rate)}


def plan_from_json(value: dict[str, Any]) -> EncodePlan:
    return EncodePlan(
        **{
            **value,
            "frame_rate": Fraction(value["frame_rate"]),
            "rungs": tuple(VideoRung(**rung) for rung in value["rungs"]),
            "audio": AudioPlan(**value["audio"]) if value["audio"] else None,
        }
    )
