"""HLS playlists as text. Pure. Rule numbers are those of Apple's HLS Authoring Specification; RFC is 8216bis.

Below the multivariant playlist every URI is relative, so that whatever signs its path signs them all.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from core.media import Kind, Rendition

VERSION = 7
STARTUP_BPS = 2_000_000  # the first variant is what a player starts with: near 2 Mb/s [9.2]
INIT_NAME = "init.mp4"
PLAYLIST_NAME = "index.m3u8"


def segment_name(number: int) -> str:
    """File name of the segment with this number, from 0."""
    return f"{number:05d}.m4s"


def media_playlist(rendition: Rendition, target_s: int, *, growing: bool | None = None) -> str:
    """A whole VOD playlist [8.6, 8.20]; with `growing` an EVENT one of what exists, ended once it is False."""
    kind = "VOD" if growing is None else "EVENT"
    lines = [
        "#EXTM3U",
        f"#EXT-X-VERSION:{VERSION}",
        f"#EXT-X-TARGETDURATION:{target_s}",
        "#EXT-X-MEDIA-SEQUENCE:0",
        f"#EXT-X-PLAYLIST-TYPE:{kind}",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        # From the beginning: players begin what still grows near its end, as if it were live.
        *(["#EXT-X-START:TIME-OFFSET=0"] if growing is not None else []),
        f'#EXT-X-MAP:URI="{INIT_NAME}"',
    ]
    ticks = 0
    for number, segment in enumerate(rendition.segments):
        start, ticks = ticks, ticks + segment.duration
        lines += [f"#EXTINF:{_extinf(start, ticks, rendition.timescale)},", segment_name(number)]
    return "\n".join([*lines, *([] if growing else ["#EXT-X-ENDLIST"]), ""])


def _extinf(start: int, end: int, timescale: int) -> str:
    """Microseconds between two rounded instants: any sum of neighbours is off by at most one microsecond [8.1]."""
    micros = round(Fraction(end * 1_000_000, timescale)) - round(Fraction(start * 1_000_000, timescale))
    return f"{micros // 1_000_000}.{micros % 1_000_000:06d}"


def _quoted(text: str) -> str:
    """A quoted-string, which can hold neither quotes nor line ends (RFC 4.2)."""
    return '"' + re.sub(r'["\r\n]', "", text) + '"'


def multivariant(renditions: Sequence[Rendition], prefix: str = "") -> str:
    """All variants; `prefix` goes before each URI. The sound is a group of its own, or absent where there is none."""
    audio = [r for r in renditions if r.kind is Kind.AUDIO]
    video = [r for r in renditions if r.kind is Kind.VIDEO]
    lines = ["#EXTM3U", f"#EXT-X-VERSION:{VERSION}", "#EXT-X-INDEPENDENT-SEGMENTS"]
    for number, rendition in enumerate(audio):
        attributes = [
            "TYPE=AUDIO",
            'GROUP-ID="audio"',
            f"NAME={_quoted(rendition.language or 'Original')}",
            f"LANGUAGE={_quoted(rendition.language or 'und')}",  # [8.10]
            f"DEFAULT={'YES' if number == 0 else 'NO'}",
            "AUTOSELECT=YES",
            f'CHANNELS="{rendition.channels}"',
            f'URI="{prefix}{rendition.id}/{PLAYLIST_NAME}"',
        ]
        lines.append(f"#EXT-X-MEDIA:{','.join(attributes)}")
    if not video:
        return "\n".join([*lines, *_sound_variants(audio, prefix), ""])
    sound_peak = max((r.bandwidth_bps for r in audio), default=0)
    sound_average = max((r.average_bandwidth_bps for r in audio), default=0)
    first = min(video, key=lambda r: abs(r.average_bandwidth_bps + sound_average - STARTUP_BPS))
    for rendition in [first, *(r for r in video if r is not first)]:
        codecs = ",".join([rendition.codec, *dict.fromkeys(r.codec for r in audio)])
        attributes = [
            f"BANDWIDTH={rendition.bandwidth_bps + sound_peak}",  # [9.13] the largest sum that can be played
            f"AVERAGE-BANDWIDTH={rendition.average_bandwidth_bps + sound_average}",  # [9.14]
            f'CODECS="{codecs}"',  # [9.1]
            f"RESOLUTION={rendition.width}x{rendition.height}",  # [9.2]
            f"FRAME-RATE={float(rendition.frame_rate or 0):.3f}",  # [9.15]
            *(['AUDIO="audio"'] if audio else []),
            # Without it one player fetches segments from the middle to look for captions before it starts.
            "CLOSED-CAPTIONS=NONE",
        ]
        lines += [f"#EXT-X-STREAM-INF:{','.join(attributes)}", f"{prefix}{rendition.id}/{PLAYLIST_NAME}"]
    return "\n".join([*lines, ""])


def _sound_variants(audio: list[Rendition], prefix: str) -> list[str]:
    """A title without pictures: its first sound is the variant."""
    first = audio[0]
    attributes = [
        f"BANDWIDTH={first.bandwidth_bps}",
        f"AVERAGE-BANDWIDTH={first.average_bandwidth_bps}",
        f'CODECS="{first.codec}"',
        'AUDIO="audio"',
        "CLOSED-CAPTIONS=NONE",
    ]
    return [f"#EXT-X-STREAM-INF:{','.join(attributes)}", f"{prefix}{first.id}/{PLAYLIST_NAME}"]
