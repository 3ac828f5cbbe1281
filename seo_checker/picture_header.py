"""Type and size of a picture by its first bytes: JPEG, PNG, GIF, WebP, BMP and SVG. Pure."""

import struct

from seo_checker.facts import Picture

_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # JPEG markers of a frame's header


def read(body: bytes) -> Picture | None:
    """What the bytes are; None where they are no picture that engines take."""
    try:
        return _read(body)
    except (struct.error, IndexError):
        return None


def _read(body: bytes) -> Picture | None:
    if body.startswith(b"\xff\xd8"):
        return _jpeg(body)
    if body.startswith(b"\x89PNG\r\n\x1a\n"):
        width, height = struct.unpack_from(">II", body, 16)
        return Picture(kind="image/png", width=width, height=height)
    if body[:6] in (b"GIF87a", b"GIF89a"):
        width, height = struct.unpack_from("<HH", body, 6)
        return Picture(kind="image/gif", width=width, height=height)
    if body.startswith(b"RIFF") and body[8:12] == b"WEBP":
        return _webp(body)
    if body.startswith(b"BM"):
        width, height = struct.unpack_from("<ii", body, 18)
        return Picture(kind="image/bmp", width=width, height=abs(height))
    if b"<svg" in body[:1024]:
        return Picture(kind="image/svg+xml")
    return None


def _jpeg(body: bytes) -> Picture | None:
    at = 2
    while body[at] == 0xFF:
        marker = body[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", body, at + 5)
            return Picture(kind="image/jpeg", width=width, height=height)
        (length,) = struct.unpack_from(">H", body, at + 2)
        at += 2 + length
    return None


def _webp(body: bytes) -> Picture | None:
    form = body[12:16]
    if form == b"VP8X":
        width, height = (int.from_bytes(body[at : at + 3], "little") + 1 for at in (24, 27))
    elif form == b"VP8L":
        (bits,) = struct.unpack_from("<I", body, 21)
        width, height = (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    else:
        width, height = (side & 0x3FFF for side in struct.unpack_from("<HH", body, 26))
    return Picture(kind="image/webp", width=width, height=height)
