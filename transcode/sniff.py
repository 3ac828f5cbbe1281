"""First bytes -> the one demuxer that may open the file. Pure.

The demuxer is pinned because libav would otherwise open playlists and scripts that name other files and hosts.
"""

from core.errors import Rejected

# name for people and for the asset JSON -> the demuxer's name in libav
DEMUXERS = {"mp4": "mov", "matroska": "matroska", "mpegts": "mpegts", "avi": "avi"}
SNIFF_BYTES = 4096

_ISO_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"styp", b"uuid"}
_KNOWN_OTHERS = (
    (b"\x06\x0e\x2b\x34\x02\x05\x01\x01", "MXF"),
    (b"OggS", "Ogg"),
    (b"FLV\x01", "FLV"),
    (b"fLaC", "FLAC"),
    (b"ID3", "MP3"),
    (b"#EXTM3U", "an HLS playlist"),
    (b"ffconcat", "a concat script"),
    (b"\x00\x00\x01\xba", "an MPEG program stream"),
    (b"\x00\x00\x01", "a raw video stream"),
    (b"\x00\x00\x00\x01", "a raw video stream"),
    (b"\x30\x26\xb2\x75", "ASF/WMV"),
    (b"GIF8", "GIF"),
)
_HINT = "Export the video as MP4 (H.264 + AAC), MOV, MKV, WebM, MPEG-TS or AVI and upload it again."


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
    if _is_mpegts(head):
        return "mpegts"
    for magic, name in _KNOWN_OTHERS:
        if head.startswith(magic):
            raise Rejected("unsupported_container", f"The file is {name}, which Kadr does not take.", _HINT)
    if head.startswith(b"RIFF"):
        raise Rejected("unsupported_container", "The file is RIFF, but not AVI.", _HINT)
    what = "The file is empty." if not head else "The file is not a video Kadr knows."
    raise Rejected("not_media", what, _HINT)


def _is_mpegts(head: bytes) -> bool:
    """Sync bytes 188 apart; 192 with a 4-byte time code in front of each packet, as cameras write (.mts)."""
    for size, first in ((188, 0), (192, 4)):
        marks = head[first::size]
        if len(marks) >= 3 and set(marks[: (len(head) - first) // size]) == {0x47}:
            return True
    return False
