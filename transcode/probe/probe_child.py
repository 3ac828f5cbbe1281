"""Runs inside the sandbox: FILE -> one JSON line, facts or a rejection. `python -m transcode.probe.probe_child FILE`.

Demuxes every packet once (no decoding) for exact times, and decodes the first frames of the video for facts that
only decoding gives. Prints {"source", "index", "broken_times", "streams"}, or {"rejected": {code, message, hint}}. The
caller handles crashes and hangs.
"""

import json
import sys
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import av
import av.logging
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from core.errors import Rejected
from core.media.upload_container import open_upload, read_packets
from core.media.upload_limits import MOST_STREAMS
from transcode.probe import dolby_vision, encryption, layout, sniff, timeline, timing
from transcode.probe.layout import Layout
from transcode.probe.packets import AudioPackets, VideoPackets
from transcode.probe.said_language import said_language
from transcode.probe.source import (
    NO_CROP,
    VERSION,
    AudioTrack,
    Crop,
    Index,
    Source,
    VideoTrack,
    index_to_json,
    to_json,
)
from transcode.probe.times_of import TimesOf

# fmt: off
VIDEO_CODECS = frozenset((
    "av1", "dnxhd", "dvvideo", "ffv1", "h263", "h264", "hevc", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4",
    "msmpeg4v3", "prores", "qtrle", "vp8", "vp9",
))
AUDIO_CODECS = frozenset((
    "aac", "aac_latm", "ac3", "alac", "amr_nb", "amr_wb", "dts", "eac3", "flac", "mp1", "mp2", "mp3", "opus", "truehd",
    "vorbis",
))
# fmt: on
MENDABLE = ("mpegts", "matroska", "mp4")  # containers whose packets have times of their own
MOST_VIDEO_TRACKS, MOST_AUDIO_TRACKS = 16, 32  # that are looked at; more are left out
# Packets of one file: these, and one for each so many bytes. A minute of silence and stillness has 15 bytes a packet.
MOST_PACKETS, BYTES_PER_PACKET = 100_000, 8
STILL_SHARE = 10  # a track of JPEGs with a tenth of another track's frames is no film
STILL_CODECS = frozenset(("mjpeg", "png", "bmp", "gif", "webp", "tiff", "jpeg2000"))
SMALL_LEAD_S = Fraction(45, 1000)
_COVER = av.stream.Disposition.attached_pic | av.stream.Disposition.timed_thumbnails
MIN_SIDE = 32
# Enough frames to tell interlaced from progressive and to detect damage; fewer of very large frames.
ENOUGH_FRAMES, ENOUGH_PIXELS, LEAST_FRAMES = 12, 12 * 1920 * 1080, 2
_REEXPORT = "Export the video again as MP4 (H.264 + AAC) and upload that."


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """Facts, keyframe index (None for audio only), and where the times of the packets are not one timeline, what is
    to be mended (for people) and the streams that belong to the title."""

    source: Source
    index: Index | None
    broken_times: str
    streams: tuple[int, ...]


def probe(path: Path, max_pixels: int, max_duration_s: int) -> Probed:
    """The facts of the file. Raises Rejected."""
    with path.open("rb") as file:
        container = sniff.container(file.read(sniff.SNIFF_BYTES))
    encryption.refuse_encrypted(path, container)
    try:
        with open_upload(path, sniff.DEMUXERS[container]) as opened:
            encryption.refuse_encrypted_streams(opened)
            return _facts(opened, path, container, max_pixels, max_duration_s)
    except av.MemoryError as exc:
        raise Rejected(
            "too_many_tracks",
            f"The file has more than {MOST_STREAMS} tracks, the limit, or an index that does not fit into memory.",
            _REEXPORT,
        ) from exc
    except av.FFmpegError as exc:
        raise Rejected("corrupt", f"The file cannot be read as {container}: {exc.strerror}.", _REEXPORT) from exc


def _facts(opened: Any, path: Path, container: str, max_pixels: int, max_duration_s: int) -> Probed:
    parts = layout.read(opened)
    scan = _scan(opened, max_duration_s, path.stat().st_size)
    stream = _choose_video(opened, scan.video, dolby_vision.without_base(path) if container == "mp4" else frozenset())
    heard = [s for s in opened.streams.audio if scan.audio.get(s.index)]
    audio_streams = _belonging(heard, stream, parts)
    audio = [s for s in audio_streams if _can_decode_audio(s)]
    unplayable = tuple(_codec(s) for s in audio_streams if s not in audio)
    if not stream and not audio:
        if unplayable:
            raise Rejected("unsupported_codec", f"The audio codec {unplayable[0]} is not supported.", _REEXPORT)
        raise Rejected("corrupt", "The file has no readable frames.", _REEXPORT)
    starts = [scan.audio[s.index].times()[0] * s.time_base for s in audio]
    damaged = scan.damaged or any(scan.audio[s.index].corrupt for s in audio)
    if stream:
        first_frames = _decode_first_frames(stream, scan.video[stream.index], max_pixels)
        starts.append(first_frames.ticks[0] * stream.time_base)
    zero = min(starts)
    tracks = tuple(_audio_facts(s, scan.audio[s.index], zero) for s in audio)
    longest_s = max((track.start_s + track.duration_s for track in tracks), default=Fraction(0))
    video, index = None, None
    if stream:
        damaged = damaged or first_frames.damaged or scan.video[stream.index].corrupt
        crop = parts.crop(stream.index)
        video, index = _video_facts(stream, scan.video[stream.index], first_frames, crop, zero, longest_s)
        shift_s = _off_grid(video.start_s, video.frame_rate)
        zero += shift_s
        video = replace(video, start_s=video.start_s - shift_s)
        tracks = tuple(_earlier(track, shift_s) for track in tracks)
        longest_s = max(longest_s - shift_s, video.start_s + video.duration_s)
    streams = tuple(s.index for s in (stream, *audio) if s)
    broken = timeline.mended(scan.times.only(streams), clock=container == "mpegts") if container in MENDABLE else None
    lost = _belonging(list(opened.streams.subtitles), stream or audio[0], parts) if broken else []
    if longest_s > max_duration_s and broken is None:
        raise _too_long(f"The video lasts {float(longest_s):.0f} s.", max_duration_s)
    source = Source(
        container=container,
        bytes=path.stat().st_size,
        origin_s=zero,
        duration_s=longest_s,
        video=video,
        audio=tracks,
        unplayable_audio=unplayable,
        damaged=damaged,
        warnings=(
            *_left_out(opened),
            *_other_programmes(parts, stream or audio[0], len(heard) - len(audio_streams)),
            *_not_mended(len(lost)),
        ),
        programme=tuple(sorted(parts.beside((stream or audio[0]).index) or ())),
        version=VERSION,
    )
    return Probed(source=source, index=index, broken_times=str(broken or ""), streams=streams)


def _belonging(heard: list[Any], video: Any, parts: Layout) -> list[Any]:
    """The audio streams of the picture's programme; without a picture, of the first programme with sound."""
    main = video or next(iter(heard), None)
    together = parts.beside(main.index) if main else None
    return heard if together is None else [stream for stream in heard if stream.index in together]


def _left_out(opened: Any) -> tuple[tuple[str, str], ...]:
    """A warning for tracks beyond the number that is looked at."""
    left = [
        f"{len(streams) - most} of {len(streams)} {kind} tracks"
        for streams, most, kind in (
            (opened.streams.video, MOST_VIDEO_TRACKS, "video"),
            (opened.streams.audio, MOST_AUDIO_TRACKS, "audio"),
        )
        if len(streams) > most
    ]
    return (("tracks_left_out", f"{' and '.join(left)} are left out: there are too many."),) if left else ()


def _other_programmes(parts: Layout, main: Any, left_sounds: int) -> tuple[tuple[str, str], ...]:
    """A warning where the file carries programmes that are not shown."""
    others = [programme for programme in parts.programmes if main.index not in programme]
    if not others or len(others) == len(parts.programmes):
        return ()
    number = f"{len(parts.programmes)} programmes; only the one with the largest picture is shown"
    sounds = f" ({left_sounds} audio track{'s' * (left_sounds > 1)} of others left out)" if left_sounds else ""
    return (("programmes_left_out", f"The file has {number}{sounds}."),)


def _not_mended(subtitles: int) -> tuple[tuple[str, str], ...]:
    """A warning for subtitle tracks of a title whose times are mended: nothing tells where their texts belong."""
    number = f"{subtitles} subtitle track{'s are' if subtitles > 1 else ' is'}"
    message = f"{number} left out: the times in the file were not in order."
    return (("subtitles_left_out", message),) if subtitles else ()


def _earlier(track: AudioTrack, shift_s: Fraction) -> AudioTrack:
    """The track on a timeline that begins `shift_s` later."""
    gaps_s = tuple(at - shift_s for at in track.long_gaps_s)
    return replace(track, start_s=track.start_s - shift_s, long_gaps_s=gaps_s)


def _off_grid(start_s: Fraction, rate: Fraction) -> Fraction:
    """Seconds by which the timeline must begin later, so that video frames lie on its frame grid.

    That cuts less than a frame of audio, mostly an encoder's priming; where frames are long it adds silence instead.
    """
    frames = start_s * rate
    return (frames - (int(frames) if 1 / rate <= SMALL_LEAD_S else ceil(frames))) / rate


def _too_long(message: str, max_duration_s: int) -> Rejected:
    return Rejected("too_long", message, f"At most {max_duration_s} s are accepted.")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scan:
    """What one pass over the packets gave, by stream index. `damaged`: the file cannot be read to its end."""

    video: dict[int, VideoPackets]
    audio: dict[int, AudioPackets]
    times: timeline.Times
    damaged: bool


def _scan(opened: Any, max_duration_s: int, size_bytes: int) -> _Scan:
    """Read every packet of video and audio once."""
    streams = [*opened.streams.video[:MOST_VIDEO_TRACKS], *opened.streams.audio[:MOST_AUDIO_TRACKS]]
    video = {stream.index: VideoPackets(stream) for stream in streams if stream.type == "video"}
    audio = {stream.index: AudioPackets(stream) for stream in streams if stream.type == "audio"}
    tracks: dict[int, VideoPackets | AudioPackets] = {**video, **audio}
    times = TimesOf()
    most_of_track = int(max_duration_s * timing.FASTEST)
    most, read, damaged = MOST_PACKETS + size_bytes // BYTES_PER_PACKET, 0, False
    try:
        for packet in read_packets(opened, streams):
            read += 1
            if read > most:
                raise Rejected(
                    "too_many_packets",
                    f"The file has more than {most} packets, the limit for its {size_bytes} bytes.",
                    _REEXPORT,
                )
            if packet.size == 0:
                continue  # an empty frame, or the end of a track
            track = tracks[packet.stream_index]
            track.add(packet)
            times.add(packet)
            if track.count > most_of_track:
                what = f"The file has more than {most_of_track} video frames or audio packets."
                raise _too_long(what, max_duration_s)
    except av.FFmpegError:
        damaged = True  # the file cannot be read any further: what was read so far counts
    return _Scan(video=video, audio=audio, times=times.times, damaged=damaged)


def _codec(stream: Any) -> str:
    name: str = stream.codec_context.codec.canonical_name if stream.codec_context else "unknown"
    return name


def _choose_video(opened: Any, packets: dict[int, VideoPackets], dolby_vision_only: frozenset[int]) -> Any:
    """The film: the video stream with the largest frame, or None. Raises Rejected.

    Cover art, empty tracks, and pictures beside a film do not count, even where they are plain tracks.
    """
    candidates = [
        stream
        for stream in opened.streams.video
        if stream.index in packets and packets[stream.index].count and not stream.disposition & _COVER
    ]
    most_frames = max((packets[stream.index].count for stream in candidates), default=0)
    films = [stream for stream in candidates if not _is_still(stream, packets[stream.index].count, most_frames)]
    if not films:
        return None
    decodable = [stream for stream in films if stream.index not in dolby_vision_only]
    usable = [stream for stream in decodable if _codec(stream) in VIDEO_CODECS]
    if not usable:
        what = _codec(decodable[0]) if decodable else "Dolby Vision without a compatible base"
        raise Rejected("unsupported_codec", f"The video codec {what} is not supported.", _REEXPORT)
    return max(usable, key=lambda stream: (stream.width * stream.height, -stream.index))


def _is_still(stream: Any, frames: int, most_frames: int) -> bool:
    """Whether a track is a picture, or a few, beside a track of `most_frames` frames."""
    return frames < most_frames and (
        frames == 1 or (_codec(stream) in STILL_CODECS and frames * STILL_SHARE < most_frames)
    )


def _can_decode_audio(stream: Any) -> bool:
    codec = _codec(stream)
    return codec in AUDIO_CODECS or codec.startswith("pcm_")


class _FirstFrames:
    """The first decoded frames of the video track, and the times of its frames from the first decodable one on."""

    def __init__(self, frames: list[Any], damaged: bool, packets: VideoPackets) -> None:
        self.frames = frames
        self.ticks, self.end = packets.times(frames[0].pts)
        # Frames before the first keyframe of a recording cut at any point cannot be decoded.
        self.damaged = damaged or (not packets.begins_with_key and len(self.ticks) < packets.count)


def _decode_first_frames(stream: Any, packets: VideoPackets, max_pixels: int) -> _FirstFrames:
    """Decode the first packets of the video track. Raises Rejected: dimensions, corrupt."""
    if stream.width * stream.height > max_pixels:
        raise _too_large(stream, max_pixels)
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
        if len(frames) >= ENOUGH_FRAMES or (len(frames) >= LEAST_FRAMES and pixels >= ENOUGH_PIXELS):
            break
    largest = max(frames, key=lambda frame: frame.width * frame.height, default=stream)
    if largest.width * largest.height > max_pixels:
        raise _too_large(largest, max_pixels)
    if not frames:
        raise Rejected("corrupt", "No frame of the video can be decoded.", _REEXPORT)
    return _FirstFrames(frames, damaged or any(frame.is_corrupt for frame in frames), packets)


def _too_large(frame: Any, max_pixels: int) -> Rejected:
    message = f"The video is {frame.width}x{frame.height}."
    return Rejected("dimensions", message, f"At most {max_pixels} pixels are accepted.")


def _video_facts(
    stream: Any, packets: VideoPackets, first_frames: _FirstFrames, crop: Crop, zero: Fraction, others_last_s: Fraction
) -> tuple[VideoTrack, Index]:
    first, ticks, base = first_frames.frames[0], first_frames.ticks, stream.time_base
    aspect = Fraction(stream.sample_aspect_ratio or getattr(first, "sample_aspect_ratio", None) or 1)
    aspect = aspect if Fraction(1, 10) <= aspect <= 10 else Fraction(1)
    rotation = round(-first.rotation / 90) * 90 % 360 if abs(first.rotation) <= 360 else 0
    overscan = crop.is_overscan(first.width, first.height)
    if overscan or crop.left + crop.right >= first.width or crop.top + crop.bottom >= first.height:
        crop = NO_CROP
    coded = (first.width - crop.left - crop.right, first.height - crop.top - crop.bottom)
    width, height = round(coded[0] * aspect), coded[1]
    shown = (height, width) if rotation in (90, 270) else (width, height)
    if min(shown) < MIN_SIDE:
        raise Rejected(
            "dimensions",
            f"The video is {shown[0]}x{shown[1]}.",
            f"The short side must be at least {MIN_SIDE} pixels.",
        )
    rate, variable = timing.frame_rate(ticks, base, stream.average_rate, stream.guessed_rate, others_last_s)
    index = packets.index(ticks, base, rate)
    # A last packet without a duration lasts as long as a usual frame.
    end = max(first_frames.end, ticks[-1] + round(1 / (rate * base)))
    duration_s = (end - ticks[0]) * base
    context = stream.codec_context
    video = VideoTrack(
        index=stream.index,
        codec=_codec(stream),
        width=coded[0],
        height=coded[1],
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
        interlaced=sum(frame.interlaced_frame for frame in first_frames.frames) * 2 > len(first_frames.frames),
        primaries=_name(ColorPrimaries, first.color_primaries),
        transfer=_name(ColorTrc, first.color_trc),
        matrix=_name(Colorspace, first.colorspace),
        full_range=first.color_range == ColorRange.JPEG or first.format.name.startswith("yuvj"),
        crop=crop,
        overscan=overscan,
        parameter_changes=packets.parameters.count,
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
        language=said_language(stream.language, stream.container.metadata.get("encoder", "")),
        start_s=start * stream.time_base - zero,
        duration_s=duration_s,
        profile=context.profile or "",
        bit_rate_bps=round(packets.bytes * 8 / duration_s) if duration_s else 0,
        long_gaps_s=tuple(tick * stream.time_base - zero for tick in packets.long_gaps),
        parameter_changes=packets.parameters.count,
    )


def main() -> None:
    path, max_pixels, max_duration_s = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    av.logging.set_level(av.logging.PANIC)
    try:
        probed = probe(path, max_pixels, max_duration_s)
        answer: dict[str, Any] = {
            "source": to_json(probed.source),
            "index": index_to_json(probed.index) if probed.index else None,
            "broken_times": probed.broken_times,
            "streams": probed.streams,
        }
    except Rejected as exc:
        answer = {"rejected": {"code": exc.code, "message": str(exc), "hint": exc.hint}}
    json.dump(answer, sys.stdout, separators=(",", ":"))


if __name__ == "__main__":
    main()
