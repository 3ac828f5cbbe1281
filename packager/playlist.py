"""Renders HLS media playlists. Pure. Rule numbers are those of Apple's HLS Authoring Specification; RFC is 8216bis.

Every URI is relative, so that a signed path prefix covers all files below it.
"""

from collections.abc import Iterable
from fractions import Fraction

from core.media.encoded import Rendition, Subtitles, target_duration
from packager.names import INIT_NAME, segment_name, subtitle_segment_name

VERSION = 7


def media_playlist(
    rendition: Rendition, target_s: int, *, growing: bool | None = None, key_uri: str | None = None
) -> str:
    """A VOD playlist [8.6, 8.20] where `growing` is None; else an EVENT playlist of the segments so far, with an end
    tag once it is False. `key_uri` is the key of AES-128 segments; the init segment before it is not encrypted."""
    tags = [
        "#EXT-X-INDEPENDENT-SEGMENTS",
        # Start at the beginning: players start an unfinished playlist near its end, as if it were live. Shaka Player
        # takes an offset of 0 for none.
        *(["#EXT-X-START:TIME-OFFSET=0.001"] if growing is not None else []),
    ]
    lines = _head(target_s, *tags, init=INIT_NAME, kind="VOD" if growing is None else "EVENT")
    if key_uri is not None:
        lines.append(f'#EXT-X-KEY:METHOD=AES-128,URI="{key_uri}"')
    lengths = _extinfs((segment.duration for segment in rendition.segments), rendition.timescale)
    for number, length in enumerate(lengths):
        lines += [length, segment_name(number)]
    return "\n".join([*lines, *([] if growing else ["#EXT-X-ENDLIST"]), ""])


def iframe_playlist(rendition: Rendition, target_s: int) -> str:
    """Every keyframe as a byte range of its segment, from its `moof` on [6.10], until the next one."""
    lines = _head(target_s, "#EXT-X-I-FRAMES-ONLY", init=INIT_NAME)
    frames = [(number, frame) for number, segment in enumerate(rendition.segments) for frame in segment.keyframes]
    lengths = _extinfs((frame.duration for _, frame in frames), rendition.timescale)
    for (number, frame), length in zip(frames, lengths, strict=True):
        lines += [length, f"#EXT-X-BYTERANGE:{frame.size_bytes}@{frame.offset}", segment_name(number)]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def subtitle_playlist(subtitles: Subtitles) -> str:
    """Playlist of WebVTT segments; they are longer than media segments, so it has its own target duration."""
    lines = _head(target_duration(subtitles))
    lengths = _extinfs((segment.duration for segment in subtitles.segments), subtitles.timescale)
    for number, length in enumerate(lengths):
        lines += [length, subtitle_segment_name(number)]
    return "\n".join([*lines, "#EXT-X-ENDLIST", ""])


def _head(target_s: int, *tags: str, init: str | None = None, kind: str = "VOD") -> list[str]:
    return [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target_s}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{kind}",
        *tags,
        *([f'#EXT-X-MAP:URI="{init}"'] if init else []),
    ]


def _extinfs(durations: Iterable[int], timescale: int) -> Iterable[str]:
    """EXTINF tags in microseconds between rounded instants: sums drift by at most one microsecond [8.1]."""
    ticks, start_us = 0, 0
    for duration in durations:
        ticks += duration
        previous_us, start_us = start_us, round(Fraction(ticks * 1_000_000, timescale))
        micros = start_us - previous_us
        yield f"#EXTINF:{micros // 1_000_000}.{micros % 1_000_000:06d},"
