"""First bytes -> the one demuxer that may open the file. Pure.

The demuxer is pinned because libav would otherwise open playlists and scripts that name other files and hosts.
"""

import re

from core.errors import Rejected
from core.media.head import HEAD_BYTES

# name shown to people and in the asset JSON -> the demuxer's name in libav
DEMUXERS = {
    **{"mp4": "mov", "matroska": "matroska", "mpegts": "mpegts", "avi": "avi"},
    **{"mp3": "mp3", "flac": "flac", "wav": "wav", "ogg": "ogg"},  # audio
}
SNIFF_BYTES = HEAD_BYTES

_ISO_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid"}
_KNOWN_OTHERS = (
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "MXF"),
    (b"FLV\x01", "FLV"),
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat", "a concat script"),
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
    (b"\x00\x00\x01", "a raw video stream"),
    (b"\x00\x00\x00\x01", "a raw video stream"),
    (b"\x30\x26\xb2\x75", "ASF/WMV"),
    (b"GIF8", "GIF"),
)
_HINT = (
    "Export the video as MP4 (H.264 + AAC), MOV, MKV, WebM, MPEG-TS or AVI, or audio as MP3, FLAC, WAV or Ogg, "
    "and upload it again."
)
_UNPACK = "Unpack it and upload the video file inside, such as an MP4."
_NOT_MEDIA = (
    (re.compile(rb"\x1f\x8b"), "compressed with gzip", _UNPACK),
    (re.compile(rb"PK[\x03\x05\x07]"), "a ZIP archive", _UNPACK),
    (
        re.compile(rb"Rar!|7z\xbc\xaf|\xfd7zXZ|BZh|\x28\xb5\x2f\xfd"),
        "an archive",
        _UNPACK,
    ),
    (
        re.compile(
            rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype\s+html|html|head|body|script|meta|title)\b|(?:\xef\xbb\xbf)?\s*<!--",
            re.IGNORECASE,
        ),
        "a web page",
        "Give the address of the video file itself, such as an MP4, not of the page that shows it; "
        "a link that needs a log-in leads to a page, too.",
    ),
    (
        re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml|<Error>|\{\s*\"|\[\s*\{)"),
        "text, perhaps a server's error message",
        "Open its address in a private browser window: it must download a video, such as an MP4.",
    ),
    (re.compile(rb"%PDF-"), "a PDF document", _HINT),
    (re.compile(rb"\x89PNG|\xff\xd8\xff"), "a picture", _HINT),
)
_MP3_KBPS = {  # by (MPEG-1, layer), ISO 11172-3 2.4.2.3 and ISO 13818-3
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_HZ = (44_100, 48_000, 32_000)


def container(head: bytes) -> str:
    """A key of DEMUXERS for the first SNIFF_BYTES of a file.

    Raises Rejected: `unsupported_container` for a known other kind, `not_media` for anything else.
    """
    if head[4:8] in _ISO_BOXES:
        return "mp4"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "matroska"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return "avi"
    if head[:4] in (b"RIFF", b"RF64") and head[8:12] == b"WAVE":
        return "wav"
    if head.startswith(b"fLaC"):
        return "flac"
    if head.startswith(b"OggS"):
        return "ogg"
    if mpegts_packets(head):
        return "mpegts"
    if head.startswith(b"ID3") or _is_mp3(head):
        return "mp3"
    for pattern, name, hint in _NOT_MEDIA:
        if pattern.match(head):
            raise Rejected("not_media", f"The file is {name}, not video or audio.", hint)
    for magic, name in _KNOWN_OTHERS:
        if head.startswith(magic):
            raise Rejected("unsupported_container", f"The file is {name}, which Kadr does not support.", _HINT)
    if head.startswith(b"RIFF"):
        raise Rejected("unsupported_container", "The file is RIFF, but neither AVI nor WAV.", _HINT)
    what = "The file is empty." if not head else "The file is not a video or audio file that Kadr supports."
    raise Rejected("not_media", what, _HINT)


def mpegts_packets(head: bytes) -> tuple[int, int] | None:
    """(size, offset of the first sync byte) of the packets of an MPEG-TS file; None for any other.

    188 bytes; 192 with a 4-byte time code before each, as cameras write; 204 with error correction after each. Where
    a recording was cut in the middle of a packet, the first sync byte may be anywhere in the first packet's length.
    """
    for size, start in ((188, 0), (192, 4), (204, 0)):
        for first in range(start, start + size):
            marks = head[first::size]
            # Behind the very beginning a few matches could be chance.
            if len(marks) >= (3 if first == start else 5) and set(marks) == {0x47}:
                return size, first
    return None


def _is_mp3(head: bytes) -> bool:
    """Whether an MP3 frame is followed by another one; sync bits alone occur in too many other files."""
    size = _mp3_frame_bytes(head)
    return size > 0 and _mp3_frame_bytes(head[size:]) > 0


def _mp3_frame_bytes(head: bytes) -> int:
    """Length in bytes of the MPEG audio frame at the start of `head`; 0 where there is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return 0
    version, layer, rate, hz = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3), head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or rate in (0, 15) or hz == 3:
        return 0
    bps = _MP3_KBPS[version == 3, layer][rate - 1] * 1000
    sample_rate_hz = _MP3_HZ[hz] >> {3: 0, 2: 1, 0: 2}[version]
    padding = head[2] >> 1 & 1
    if layer == 1:
        return (12 * bps // sample_rate_hz + padding) * 4
    samples = 576 if layer == 3 and version != 3 else 1152
    return samples // 8 * bps // sample_rate_hz + padding
