"""Runs inside the sandbox: FILE -> one JSON line, facts or a rejection. `python -m transcode.probe.probe_child FILE`.

Demuxes every packet once (no decoding) for exact times, and decodes the first frames of the video for what only frames
know. Prints {"source", "index"}, or refuses by {"rejected": {code, message, hint}}. Any crash or hang here is the
caller's to see.
"""

import json
import sys
from dataclasses import replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import av
import av.logging
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from core.errors import Rejected
from core.media.upload_container import open_upload
from transcode.probe import dolby_vision, sniff, timing
from transcode.probe.packets import AudioPackets, VideoPackets
from transcode.probe.source import AudioTrack, Index, Source, VideoTrack, index_to_json, to_json

# fmt: off
VIDEO_CODECS = frozenset((
    "av1", "dnxhd", "dvvideo", "ffv1", "h263", "h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4",
    "msmpeg4v3", "prores", "qtrle", "vp8", "vp9",
))
AUDIO_CODECS = frozenset((
    "aac", "ac3", "alac", "amr_nb", "amr_wb", "dts", "eac3", "flac", "mp1", "mp2", "mp3", "opus", "truehd", "vorbis",
))
# fmt: on
MAX_TRACKS = 16
SMALL_LEAD_S = Fraction(45, 1000)
MIN_SIDE = 32
# Enough frames to tell interlaced from progressive and to meet damage; fewer of very large pictures.
LOOK_FRAMES, LOOK_PIXELS, LEAST_FRAMES = 12, 12 * 1920 * 1080, 2
_REEXPORT = "Export the video again as MP4 (H.264 + AAC) and upload that."


def probe(path: Path, max_pixels: int, max_duration_s: int) -> tuple[Source, Index | None]:
    """The facts of the file. Raises Rejected."""
    with path.open("rb") as file:
        container = sniff.container(file.read(sniff.SNIFF_BYTES))
    try:
        with open_upload(path, sniff.DEMUXERS[container]) as opened:
            return _facts(opened, path, container, max_pixels, max_duration_s)
    except av.FFmpegError as exc:
        raise Rejected("corrupt", f"The file cannot be read as {container}: {exc.strerror}.", _REEXPORT) from exc


def _facts(
    opened: Any, path: Path, container: str, max_pixels: int, max_duration_s: int
) -> tuple[Source, Index | None]:
    if len(opened.streams.video) + len(opened.streams.audio) > MAX_TRACKS:
        raise Rejected("too_many_tracks", f"The file has more than {MAX_TRACKS} tracks.", _REEXPORT)
    pictures, sounds, damaged = _scan(opened, max_duration_s)
    stream = _choose_video(opened, pictures, dolby_vision.without_base(path) if container == "mp4" else frozenset())
    audio_streams = [s for s in opened.streams.audio if sounds[s.index]]
    audio = [s for s in audio_streams if _can_decode_audio(s)]
    unplayable = tuple(_codec(s) for s in audio_streams if s not in audio)
    if not stream and not audio:
        if unplayable:
            raise Rejected("unsupported_codec", f"The audio codec {unplayable[0]} is not supported.", _REEXPORT)
        raise Rejected("corrupt", "The file has no readable frames.", _REEXPORT)
    starts = [sounds[s.index].times()[0] * s.time_base for s in audio]
    if stream:
        look = _look(stream, pictures[stream.index], max_pixels)
        starts.append(look.ticks[0] * stream.time_base)
    zero = min(starts)
    tracks = tuple(_audio_facts(s, sounds[s.index], zero) for s in audio)
    longest_s = max((track.start_s + track.duration_s for track in tracks), default=Fraction(0))
    video, index = None, None
    if stream:
        damaged = damaged or look.damaged
        video, index = _video_facts(stream, pictures[stream.index], look, zero, longest_s)
        late_s = _off_grid(video.start_s, video.frame_rate)
        zero += late_s
        video = replace(video, start_s=video.start_s - late_s)
        tracks = tuple(replace(track, start_s=track.start_s - late_s) for track in tracks)
        longest_s = max(longest_s - late_s, video.start_s + video.duration_s)
    if longest_s > max_duration_s:
        raise _too_long(f"The video lasts {float(longest_s):.0f} s.", max_duration_s)
    return Source(
        container=container,
        bytes=path.stat().st_size,
        origin_s=zero,
        duration_s=longest_s,
        video=video,
        audio=tracks,
        unplayable_audio=unplayable,
        damaged=damaged,
    ), index


def _off_grid(start_s: Fraction, rate: Fraction) -> Fraction:
    """How much later the timeline must begin for the pictures to be on its grid of frames.

    That cuts less than a frame of sound, an encoder's priming mostly; where frames are long it adds silence instead.
    """
    frames = start_s * rate
    return (frames - (int(frames) if 1 / rate <= SMALL_LEAD_S else ceil(frames))) / rate


def _too_long(message: str, max_duration_s: int) -> Rejected:
    return Rejected("too_long", message, f"At most {max_duration_s} s are taken.")


def _scan(opened: Any, max_duration_s: int) -> tuple[dict[int, VideoPackets], dict[int, AudioPackets], bool]:
    """Every packet once. The last says whether the file could not be read to its end, or has packets marked broken."""
    pictures = {stream.index: VideoPackets(stream) for stream in opened.streams.video}
    sounds = {stream.index: AudioPackets(stream) for stream in opened.streams.audio}
    tracks: dict[int, VideoPackets | AudioPackets] = {**pictures, **sounds}
    most = int(max_duration_s * timing.FASTEST)
    damaged = False
    try:
        for packet in opened.demux([*opened.streams.video, *opened.streams.audio]) if tracks else ():
            if packet.size == 0:
                continue  # an empty picture, or the end of a track
            track = tracks[packet.stream_index]
            track.add(packet)
            if track.count > most:
                raise _too_long(f"The file has more than {most} pictures or pieces of sound.", max_duration_s)
    except av.FFmpegError:
        damaged = True  # the end of what can be read: what was read so far counts
    return pictures, sounds, damaged or any(track.corrupt for track in tracks.values())


def _codec(stream: Any) -> str:
    name: str = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    return name


def _choose_video(opened: Any, pictures: dict[int, VideoPackets], without_base: frozenset[int]) -> Any:
    """The largest real video track; a cover picture or a track without packets is none."""
    real = [
        stream
        for stream in opened.streams.video
        if pictures[stream.index].count and not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if not real:
        return None
    based = [stream for stream in real if stream.index not in without_base]
    usable = [stream for stream in based if _codec(stream) in VIDEO_CODECS]
    if not usable:
        what = _codec(based[0]) if based else "Dolby Vision without a compatible base"
        raise Rejected("unsupported_codec", f"The video codec {what} is not supported.", _REEXPORT)
    return max(usable, key=lambda stream: (stream.width * stream.height, -stream.index))


def _can_decode_audio(stream: Any) -> bool:
    codec = _codec(stream)
    return codec in AUDIO_CODECS or codec.startswith("pcm_")


class _Look:
    """The first decoded frames of the video track, and the track's times as they correct them."""

    def __init__(self, frames: list[Any], damaged: bool, packets: VideoPackets) -> None:
        self.frames = frames
        self.ticks, self.end = packets.times(frames[0].pts)
        # Pictures that nothing leads, at the start of a recording cut anywhere, are lost.
        self.damaged = damaged or (not packets.begins_with_key and len(self.ticks) < packets.count)


def _look(stream: Any, packets: VideoPackets, max_pixels: int) -> _Look:
    """Decode the first packets of the video track. Raises Rejected: dimensions, corrupt."""
    if stream.width * stream.height > max_pixels:
        raise Rejected(
            "dimensions", f"The picture is {stream.width}x{stream.height}.", f"At most {max_pixels} pixels are taken."
        )
    context = stream.codec_context
    context.thread_type = "SLICE"
    frames: list[Any] = []
    damaged, pixels = False, 0
    for packet in (*packets.head, *((None,) if packets.whole_head else ())):
        try:
            decoded = context.decode(packet)
        except av.FFmpegError:
            damaged = True
            continue
        frames += decoded
        pixels += sum(frame.width * frame.height for frame in decoded)
        if len(frames) >= LOOK_FRAMES or (len(frames) >= LEAST_FRAMES and pixels >= LOOK_PIXELS):
            break
    if not frames:
        raise Rejected("corrupt", "No frame of the video can be decoded.", _REEXPORT)
    return _Look(frames, damaged or any(frame.is_corrupt for frame in frames), packets)


def _video_facts(
    stream: Any, packets: VideoPackets, look: _Look, zero: Fraction, others_last_s: Fraction
) -> tuple[VideoTrack, Index]:
    first, ticks, base = look.frames[0], look.ticks, stream.time_base
    aspect = Fraction(stream.sample_aspect_ratio or getattr(first, "sample_aspect_ratio", None) or 1)
    aspect = aspect if Fraction(1, 10) <= aspect <= 10 else Fraction(1)
    rotation = round(-first.rotation / 90) * 90 % 360 if abs(first.rotation) <= 360 else 0
    wide, high = round(first.width * aspect), first.height
    shown = (high, wide) if rotation in (90, 270) else (wide, high)
    if min(shown) < MIN_SIDE:
        raise Rejected(
            "dimensions",
            f"The picture is {shown[0]}x{shown[1]}.",
            f"The short side must be at least {MIN_SIDE} pixels.",
        )
    rate, variable = timing.frame_rate(ticks, base, stream.average_rate, stream.guessed_rate, others_last_s)
    index = packets.index(ticks, base, rate)
    # A last packet without a duration lasts as long as a usual frame.
    end = max(look.end, ticks[-1] + round(1 / (rate * base)))
    duration_s = (end - ticks[0]) * base
    context = stream.codec_context
    video = VideoTrack(
        index=stream.index,
        codec=_codec(stream),
        width=first.width,
        height=first.height,
        sample_aspect=aspect,
        rotation=rotation,
        shown_width=shown[0],
        shown_height=shown[1],
        frame_rate=rate,
        variable=variable,
        frames=len(ticks),
        start_s=ticks[0] * base - zero,
        duration_s=duration_s,
        keyframes=packets.keyframes,
        longest_gop_s=timing.longest_gap([ticks[gop.frame] for gop in index.gops], end) * base,
        longest_gap_s=timing.longest_gap(ticks, end) * base,
        bit_rate_bps=round(sum(gop.bytes for gop in index.gops) * 8 / duration_s),
        profile=context.profile or "",
        level=max(context.level, 0),
        pixel_format=first.format.name,
        bit_depth=max(component.bits for component in first.format.components),
        interlaced=sum(frame.interlaced_frame for frame in look.frames) * 2 > len(look.frames),
        primaries=_name(ColorPrimaries, first.color_primaries),
        transfer=_name(ColorTrc, first.color_trc),
        matrix=_name(Colorspace, first.colorspace),
        full_range=first.color_range == ColorRange.JPEG or first.format.name.startswith("yuvj"),
    )
    return video, index


def _name(kind: Any, value: int) -> str:
    try:
        name: str = kind(value).name
    except ValueError:
        return "unspecified"
    return {"SMPTE2084": "smpte2084", "ARIB_STD_B67": "arib-std-b67"}.get(name, name.lower())


def _audio_facts(stream: Any, packets: AudioPackets, zero: Fraction) -> AudioTrack:
    start, end = packets.times()
    context = stream.codec_context
    duration_s = (end - start) * stream.time_base
    return AudioTrack(
        index=stream.index,
        codec=_codec(stream),
        channels=context.layout.nb_channels,
        layout=context.layout.name,
        sample_rate_hz=context.sample_rate or 0,
        language=stream.language,
        start_s=start * stream.time_base - zero,
        duration_s=duration_s,
        profile=context.profile or "",
        bit_rate_bps=round(packets.bytes * 8 / duration_s) if duration_s else 0,
    )


def main() -> None:
    path, max_pixels, max_duration_s = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    av.logging.set_level(av.logging.PANIC)
    try:
        source, index = probe(path, max_pixels, max_duration_s)
        answer: dict[str, Any] = {"source": to_json(source), "index": index_to_json(index) if index else None}
    except Rejected as exc:
        answer = {"rejected": {"code": exc.code, "message": str(exc), "hint": exc.hint}}
    json.dump(answer, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
