"""An image uploaded as a poster: its type, size and orientation, read from its headers. Pure.

In: the bytes. Out: `Header`. Refuses, by Rejected `picture_refused`, all but JPEG, PNG, WebP and AVIF stills of sane
sizes: the decoder sees nothing that is not what it says, whole, and small enough.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from core.errors import Rejected
from core.media.mp4_boxes import BoxFault, boxes

MOST_BYTES = 20 * 1024 * 1024
MOST_PIXELS = 50_000_000
LEAST_SIDE = 32
PNG = b"\x89PNG\r\n\x1a\n"
HINT = "Upload a JPEG, PNG, WebP or AVIF picture of at most 20 MB and 50 megapixels that is not animated."
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xff\xd0-\xd7])")
_SIZES_OF_JPEG = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True, kw_only=True)
class Orientation:
    """How stored pixels are shown: first rotated by quarter turns, then mirrored."""

    quarters: int = 0  # anticlockwise
    mirrored: bool = False  # left and right


# EXIF's orientation 2 to 8; all else is upright.
_EXIF_ORIENTATIONS = (
    *(
        Orientation(mirrored=True),
        Orientation(quarters=2),
        Orientation(quarters=2, mirrored=True),
        Orientation(quarters=3, mirrored=True),
    ),
    *(Orientation(quarters=3), Orientation(quarters=1, mirrored=True), Orientation(quarters=1)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Type, size and orientation as the image file states them."""

    kind: str  # "jpg", "png", "webp", "avif"
    width: int
    height: int
    bits: int = 8
    orientation: Orientation | None = None  # as AVIF says it; the others have EXIF for that


def refused(message: str) -> Rejected:
    """The error for an unsupported or invalid image; `message` says what is wrong with it."""
    return Rejected("picture_refused", message, HINT)


def header(body: bytes) -> Header:
    """The header of a whole image file. Raises Rejected picture_refused for an unsupported or invalid image."""
    if len(body) > MOST_BYTES:
        raise refused("The picture has more than 20 MB.")
    try:
        parsed = _header(body)
    except (struct.error, IndexError, BoxFault, _Truncated) as exc:
        raise refused("The picture is damaged: its file ends early.") from exc
    if parsed is None:
        raise refused("The file is no JPEG, PNG, WebP or AVIF picture.")
    if parsed.width * parsed.height > MOST_PIXELS:
        raise refused(f"The picture is {parsed.width}x{parsed.height}: more than 50 megapixels.")
    if min(parsed.width, parsed.height) < LEAST_SIDE:
        raise refused(f"The picture is {parsed.width}x{parsed.height}: its sides must be at least {LEAST_SIDE} pixels.")
    return parsed


class _Truncated(Exception):
    """The file ends before its image is complete."""


def _header(body: bytes) -> Header | None:
    if body[:3] == b"\xff\xd8\xff":
        return _jpeg(body)
    if body[:8] == PNG:
        return _png(body)
    if body[:4] == b"RIFF" and body[8:12] == b"WEBP":
        return _webp(body)
    if body[4:8] == b"ftyp":
        return _avif(body)
    return None


def _jpeg(body: bytes) -> Header:
    at, size = 2, None
    while True:
        marker = _NEXT_MARKER.search(body, at)
        if marker is None:
            raise _Truncated
        code, at = marker[1][0], marker.end()
        if code == 0xD9:
            break
        if code in _SIZES_OF_JPEG and size is None:
            bits, high, wide = struct.unpack_from(">BHH", body, at + 2)
            size = (wide, high, bits)
        # In the entropy-coded part the search goes on to the marker that ends it.
        at += int(struct.unpack_from(">H", body, at)[0])
    if size is None:
        raise _Truncated
    return Header(kind="jpg", width=size[0], height=size[1], bits=size[2])


def _png(body: bytes) -> Header:
    names = [name for name, _, _ in _chunks_of_png(body)]
    if names[:1] != [b"IHDR"] or b"IEND" not in names:
        raise _Truncated
    if b"acTL" in names:
        raise refused("The picture is animated.")
    wide, high, bits = struct.unpack_from(">IIB", body, 16)
    return Header(kind="png", width=wide, height=high, bits=bits)


def _chunks_of_png(body: bytes) -> Iterator[tuple[bytes, int, int]]:
    at = len(PNG)
    while at + 12 <= len(body):
        length = int(struct.unpack_from(">I", body, at)[0])
        name = body[at + 4 : at + 8]
        if at + 12 + length > len(body):
            return
        yield name, at + 8, length
        if name == b"IEND":
            return
        at += 12 + length


def _webp(body: bytes) -> Header:
    if struct.unpack_from("<I", body, 4)[0] + 8 > len(body):
        raise _Truncated
    name, at = body[12:16], 20
    if name == b"VP8X":
        if body[at] & 0x02:
            raise refused("The picture is animated.")
        wide, high = (int.from_bytes(body[at + 4 + 3 * n : at + 7 + 3 * n], "little") + 1 for n in (0, 1))
        return Header(kind="webp", width=wide, height=high)
    if name == b"VP8L":
        sizes = int(struct.unpack_from("<I", body, at + 1)[0])
        return Header(kind="webp", width=(sizes & 0x3FFF) + 1, height=(sizes >> 14 & 0x3FFF) + 1)
    if name == b"VP8 ":
        wide, high = struct.unpack_from("<HH", body, at + 6)
        return Header(kind="webp", width=wide & 0x3FFF, height=high & 0x3FFF)
    raise _Truncated


def _avif(body: bytes) -> Header | None:
    brands = {body[8:12], *(body[at : at + 4] for at in range(16, min(len(body), _size(body, 0)), 4))}
    if b"avis" in brands:
        raise refused("The picture is animated.")
    if b"avif" not in brands:
        return None
    inside = dict(_boxes(body, 0, len(body)))
    begin, end = inside.get(b"meta", (0, 0))
    for name in (b"iprp", b"ipco"):
        # `meta` has four bytes of version and flags before its boxes.
        begin, end = dict(_boxes(body, begin + (4 if name == b"iprp" else 0), end)).get(name, (0, 0))
    sizes, quarters, mirrored, bits = [], 0, False, 8
    for name, (at, _) in _boxes(body, begin, end):
        if name == b"ispe":
            sizes.append(struct.unpack_from(">II", body, at + 4))
        elif name == b"irot":
            quarters += body[at] & 3
        elif name == b"imir":
            # 1 swaps left and right; 0 top and bottom, which is that after half a turn.
            quarters, mirrored = quarters + (0 if body[at] & 1 else 2), True
        elif name == b"av1C":
            bits = {0: 8, 2: 10}.get(body[at + 2] >> 5 & 3, 12)
    if not sizes:
        raise _Truncated
    wide, high = max(sizes, key=lambda size: size[0] * size[1])
    orientation = Orientation(quarters=quarters % 4, mirrored=mirrored)
    return Header(kind="avif", width=wide, height=high, bits=bits, orientation=orientation)


def exif_orientation(exif: bytes) -> Orientation:
    """The orientation in EXIF's first directory; upright where there is none."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return Orientation()
    try:
        at = int(struct.unpack_from(order + "I", exif, 4)[0])
        for entry in range(int(struct.unpack_from(order + "H", exif, at)[0])):
            tag, form, count, value = struct.unpack_from(order + "HHIH", exif, at + 2 + 12 * entry)
            if (tag, form, count) == (0x0112, 3, 1) and 2 <= value <= 8:
                return _EXIF_ORIENTATIONS[value - 2]
    except struct.error:
        pass
    return Orientation()


def _size(body: bytes, at: int) -> int:
    return int(struct.unpack_from(">I", body, at)[0])


def _boxes(body: bytes, at: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """(kind, where its content begins and ends) of each box between two offsets."""
    return ((box.kind, (box.body, box.end)) for box in boxes(body, at, end, top_level=at == 0))
