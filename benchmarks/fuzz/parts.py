"""What a media file consists of: boxes of MP4, elements of Matroska, chunks of RIFF, pages of Ogg, packets of MPEG-TS.

Pure. Damaged files are read as far as they make sense, and none is refused.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

MOST_PARTS = 4000  # that are looked at
SMALL_PART_BYTES = 4096  # a part up to this size is a header; a larger one is mostly media
TS_PACKETS = (188, 192)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A box, element, chunk, page or packet: its name, its content `body`..`end`, and where its size is written."""

    name: bytes
    start: int
    body: int
    end: int
    size_at: int = 0
    size_bytes: int = 0  # 0 where the size is not written
    order: Literal["big", "little"] = "big"
    varying: bool = False  # Matroska: the first set bit of a size says how long it is

    @property
    def small(self) -> bool:
        return 0 < self.end - self.body <= SMALL_PART_BYTES


def parts(content: bytes) -> list[Part]:
    """The parts of a file in the order they begin, each before those inside it; none of a file of unknown kind."""
    if content[4:8] in (b"ftyp", b"moov", b"mdat", b"free", b"wide", b"skip"):
        found = _boxes(content, 0, len(content))
    elif content.startswith(b"\x1a\x45\xdf\xa3"):
        found = _elements(content, 0, len(content))
    elif content.startswith(b"RIFF"):
        found = _chunks(content, 0, len(content))
    elif content.startswith(b"OggS"):
        found = _pages(content)
    else:
        found = _packets(content)
    return [part for _, part in zip(range(MOST_PARTS), found, strict=False)]


# Boxes with boxes inside -> bytes before the first of them.
_INSIDE = {
    **dict.fromkeys((b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"udta", b"ilst", b"wave"), 0),
    **dict.fromkeys((b"moof", b"traf", b"mvex", b"gmhd", b"tref"), 0),
    **{b"meta": 4, b"stsd": 8, b"dref": 8},
    **dict.fromkeys((b"avc1", b"hvc1", b"hev1", b"mp4v", b"av01", b"vp09", b"s263", b"apcn", b"apch", b"AVdh"), 78),
    **dict.fromkeys((b"mp4a", b"samr", b"alac", b"Opus", b"ac-3", b"ec-3"), 28),
}


def _boxes(content: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 8 <= end:
        size, name = struct.unpack_from(">I4s", content, at)
        stop = at + size if 8 <= size <= end - at else end
        yield Part(name=name, start=at, body=at + 8, end=stop, size_at=at, size_bytes=4)
        if name in _INSIDE:
            yield from _boxes(content, at + 8 + _INSIDE[name], stop)
        at = stop


_MASTERS = (
    *("1a45dfa3", "18538067", "1549a966", "1654ae6b", "ae", "e0", "e1", "55b0", "55d0", "6d80", "6240", "5034"),
    *("1f43b675", "a0", "1c53bb6b", "bb", "b7", "1254c367", "7373", "63c0", "67c8", "114d9b74", "4dbb", "1043a770"),
    *("45b9", "b6", "80", "1941a469"),
)


def _elements(content: bytes, at: int, end: int) -> Iterator[Part]:
    while at < end:
        name_bytes = 9 - content[at].bit_length()
        size_at = at + name_bytes
        if name_bytes > 4 or size_at >= end or not content[size_at]:
            return
        size_bytes = 9 - content[size_at].bit_length()
        body = size_at + size_bytes
        if body > end:
            return
        size = int.from_bytes(content[size_at:body]) - (1 << 7 * size_bytes)
        name = content[at:size_at]
        stop = body + size if size <= end - body else end  # also one whose size is unknown
        yield Part(name=name, start=at, body=body, end=stop, size_at=size_at, size_bytes=size_bytes, varying=True)
        if name.hex() in _MASTERS:
            yield from _elements(content, body, stop)
        at = stop


def _chunks(content: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 8 <= end:
        name, size = struct.unpack_from("<4sI", content, at)
        stop = min(end, at + 8 + size)
        yield Part(name=name, start=at, body=at + 8, end=stop, size_at=at + 4, size_bytes=4, order="little")
        if name in (b"RIFF", b"LIST"):
            yield from _chunks(content, at + 12, stop)
        at = stop + size % 2


def _pages(content: bytes) -> Iterator[Part]:
    at = 0
    while at >= 0:
        following = content.find(b"OggS", at + 4)
        end = following if following >= 0 else len(content)
        yield Part(name=b"page", start=at, body=min(at + 6, end), end=end)
        at = following


def _packets(content: bytes) -> Iterator[Part]:
    for size in TS_PACKETS:
        first = size - TS_PACKETS[0]
        if content[first::size][:20].strip(b"\x47") == b"" and len(content) > 5 * size:
            for at in range(0, len(content) - size + 1, size):
                kind = b"start" if content[at + first + 1] & 0x40 else b"packet"
                yield Part(name=kind, start=at, body=at + first + 1, end=at + size)
            return
