"""Runs inside the sandbox: FILE -> one JSON line, a Source or a rejection. `python -m transcode.probe_child FILE`.

Demuxes every packet once (no decoding) for exact times, and decodes the first frames of the video for what only frames
know. Refuses by printing {"rejected": {code, message, hint}}. Any crash or hang here is the caller's to see.
"""

import json
import sys
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.logging
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from core.errors import Rejected
from transcode import sniff, timing
from transcode.source import AudioTrack, Source, VideoTrack, to_json

# fmt: off
VIDEO_CODECS = frozenset((
    "av1", "dnxhd", "dvvideo", "ffv1", "h263", "h264", "hevc", "libdav1d", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4",
    "msmpeg4v3", "prores", "qtrle", "vp8", "vp9",
))
AUDIO_CODECS = frozenset((
    "aac", "ac3", "alac", "amr_nb", "amr_wb", "amrnb", "amrwb", "dca", "eac3", "flac", "mp2", "mp2float", "mp3",
    "mp3float", "opus", "truehd", "vorbis",
))
# fmt: on
MAX_TRACKS = 16
MIN_SIDE, LOOK_FRAMES, MAX_UNDECODED_PACKETS = 32, 12, 900
_REEXPORT = "Export the video again as MP4 (H.264 + AAC) and upload that."


@dataclass(slots=True)
class Packets:
    """What one pass over the packets of a track tells. Ticks are in the track's time base."""

    ticks: list[int] = field(default_factory=list)
    keys: list[int] = field(default_factory=list)
    end: int | None = None
    corrupt: int = 0

    def add(self, packet: Any) -> None:
        self.corrupt += packet.is_corrupt
        if packet.is_discard or packet.size == 0:
            return
        tick = packet.pts if packet.pts is not None else packet.dts
        if tick is None:
            return
        self.ticks.append(tick)
        if packet.is_keyframe:
            self.keys.append(tick)
        self.end = max(self.end if self.end is not None else tick, tick + (packet.duration or 0))


def probe(path: Path, max_pixels: int, max_duration_s: int) -> Source:
    """The facts of the file. Raises Rejected."""
    with path.open("rb") as file:
        container = sniff.container(file.read(sniff.SNIFF_BYTES))
    try:
        with av.open(
            str(path),
            format=sniff.DEMUXERS[container],
            options={"protocol_whitelist": "file,pipe", "max_streams": "64"},
            metadata_errors="replace",
        ) as opened:
            return _facts(opened, path, container, max_pixels, max_duration_s)
    except av.FFmpegError as exc:
        raise Rejected("corrupt", f"The file cannot be read as {container}: {exc.strerror}.", _REEXPORT) from exc


def _facts(opened: Any, path: Path, container: str, max_pixels: int, max_duration_s: int) -> Source:
    if len(opened.streams.video) + len(opened.streams.audio) > MAX_TRACKS:
        raise Rejected("too_many_tracks", f"The file has more than {MAX_TRACKS} tracks.", _REEXPORT)
    packets, damaged = _scan(opened)
    stream = _choose_video(opened, packets)
    audio = [s for s in opened.streams.audio if packets[s.index].ticks and _can_decode_audio(s)]
    zero = min(Fraction(min(packets[s.index].ticks) * s.time_base) for s in (stream, *audio))
    video, frame_damage = _video_facts(opened, stream, packets[stream.index], zero, max_pixels)
    tracks = tuple(_audio_facts(s, packets[s.index], zero) for s in audio)
    ends = [video.start_s + video.duration_s, *(track.start_s + track.duration_s for track in tracks)]
    duration = max(ends)
    if duration > max_duration_s:
        raise Rejected(
            "too_long", f"The video lasts {float(duration):.0f} s.", f"At most {max_duration_s} s are taken."
        )
    return Source(
        container=container,
        bytes=path.stat().st_size,
        duration_s=duration,
        video=video,
        audio=tracks,
        damaged=damaged or frame_damage,
    )


def _scan(opened: Any) -> tuple[dict[int, Packets], bool]:
    wanted = [*opened.streams.video, *opened.streams.audio]
    packets = {stream.index: Packets() for stream in wanted}
    damaged = False
    if wanted:
        try:
            for packet in opened.demux(wanted):
                packets[packet.stream.index].add(packet)
        except av.FFmpegError:
            damaged = True  # the end of what can be read: what was read so far counts
    return packets, damaged or any(track.corrupt for track in packets.values())


def _choose_video(opened: Any, packets: dict[int, Packets]) -> Any:
    """The largest real picture track; a cover picture or a track without packets is none."""
    real = [
        stream
        for stream in opened.streams.video
        if packets[stream.index].ticks and not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if not real:
        if any(track.ticks for track in packets.values()):
            raise Rejected("no_video", "The file has no video track.", "Upload a file with a picture track.")
        raise Rejected("corrupt", "The file has no readable frames.", _REEXPORT)
    named = [stream for stream in real if stream.codec_context is not None]
    known = [stream for stream in named if stream.codec_context.name in VIDEO_CODECS]
    if not known:
        codec = named[0].codec_context.name if named else "unknown"
        raise Rejected("unsupported_codec", f"The video codec {codec} is not supported.", _REEXPORT)
    return max(known, key=lambda stream: (stream.width * stream.height, -stream.index))


def _can_decode_audio(stream: Any) -> bool:
    context = stream.codec_context
    return context is not None and (context.name in AUDIO_CODECS or context.name.startswith("pcm_"))


def _video_facts(
    opened: Any, stream: Any, packets: Packets, zero: Fraction, max_pixels: int
) -> tuple[VideoTrack, bool]:
    if stream.width * stream.height > max_pixels:
        raise Rejected(
            "dimensions", f"The picture is {stream.width}x{stream.height}.", f"At most {max_pixels} pixels are taken."
        )
    frames, damaged = _first_frames(opened, stream)
    first = frames[0]
    aspect = Fraction(stream.sample_aspect_ratio or getattr(first, "sample_aspect_ratio", None) or 1)
    aspect = aspect if Fraction(1, 10) <= aspect <= 10 else Fraction(1)
    rotation = round(-first.rotation / 90) * 90 % 360
    wide, high = round(first.width * aspect), first.height
    shown = (high, wide) if rotation in (90, 270) else (wide, high)
    if min(shown) < MIN_SIDE:
        raise Rejected(
            "dimensions",
            f"The picture is {shown[0]}x{shown[1]}.",
            f"The short side must be at least {MIN_SIDE} pixels.",
        )
    ticks = sorted(packets.ticks)
    rate, variable = timing.frame_rate(ticks, stream.time_base, stream.average_rate, stream.guessed_rate)
    start = ticks[0] * stream.time_base
    # A last packet without a duration lasts as long as a usual frame.
    end = max((packets.end or 0) * stream.time_base, ticks[-1] * stream.time_base + 1 / rate)
    depth = max(component.bits for component in first.format.components)
    return (
        VideoTrack(
            index=stream.index,
            codec=stream.codec_context.name,
            width=first.width,
            height=first.height,
            sample_aspect=aspect,
            rotation=rotation,
            shown_width=shown[0],
            shown_height=shown[1],
            frame_rate=rate,
            variable=variable,
            frames=len(ticks),
            start_s=start - zero,
            duration_s=end - start,
            keyframes=len(packets.keys),
            longest_gop_s=timing.longest_gap(packets.keys, packets.end or ticks[-1]) * stream.time_base,
            pixel_format=first.format.name,
            bit_depth=depth,
            interlaced=sum(frame.interlaced_frame for frame in frames) * 2 > len(frames),
            primaries=_name(ColorPrimaries, first.color_primaries),
            transfer=_name(ColorTrc, first.color_trc),
            matrix=_name(Colorspace, first.colorspace),
            full_range=first.color_range == ColorRange.JPEG or first.format.name.startswith("yuvj"),
        ),
        damaged,
    )


def _name(kind: Any, value: int) -> str:
    try:
        name: str = kind(value).name
    except ValueError:
        return "unspecified"
    return {"SMPTE2084": "smpte2084", "ARIB_STD_B67": "arib-std-b67"}.get(name, name.lower())


def _first_frames(opened: Any, stream: Any) -> tuple[list[Any], bool]:
    """Up to LOOK_FRAMES decoded frames, and whether packets had to be given up on the way. Raises Rejected(corrupt)."""
    context = stream.codec_context
    context.thread_type = "SLICE"
    frames: list[Any] = []
    damaged, undecoded = False, 0
    opened.seek(0, backward=True, any_frame=False)
    try:
        for packet in opened.demux(stream):
            try:
                frames.extend(packet.decode())
            except av.FFmpegError:
                damaged = True
            undecoded += 1
            if len(frames) >= LOOK_FRAMES or (not frames and undecoded > MAX_UNDECODED_PACKETS):
                break
    except av.FFmpegError:
        damaged = True
    if not frames:
        raise Rejected("corrupt", "No frame of the video can be decoded.", _REEXPORT)
    return frames, damaged or any(frame.is_corrupt for frame in frames)


def _audio_facts(stream: Any, packets: Packets, zero: Fraction) -> AudioTrack:
    start = min(packets.ticks) * stream.time_base
    context = stream.codec_context
    return AudioTrack(
        index=stream.index,
        codec=context.name,
        channels=context.layout.nb_channels,
        layout=context.layout.name,
        sample_rate_hz=context.sample_rate or 0,
        language=stream.language,
        start_s=start - zero,
        duration_s=(packets.end or 0) * stream.time_base - start,
    )


def main() -> None:
    path, max_pixels, max_duration_s = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    av.logging.set_level(av.logging.PANIC)
    try:
        answer = {"source": to_json(probe(path, max_pixels, max_duration_s))}
    except Rejected as exc:
        answer = {"rejected": {"code": exc.code, "message": str(exc), "hint": exc.hint}}
    sys.stdout.write(json.dumps(answer))


if __name__ == "__main__":
    main()
