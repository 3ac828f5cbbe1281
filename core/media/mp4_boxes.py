"""Where each box of an MP4 or HEIF file begins and ends, in bytes in memory or in an open file. Pure but for its reads.

The only reader of boxes in the product: what a box holds is the caller's to read. (The checker of published titles has
a reader of its own on purpose, docs/adr/0017.) Refuses, with BoxFault, sizes that fit neither the box's own header nor
what the box lies in. Layout: ISO/IEC 14496-12, 4.2.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from core.errors import KadrError

HEADER_BYTES, LARGE_HEADER_BYTES = 8, 16
_TO_END, _LARGE = 0, 1  # sizes with a meaning of their own


class BoxFault(KadrError):
    """The boxes of a file do not fit together."""


class BoxCutOff(BoxFault):
    """A box goes on beyond the end of what it lies in, or of what has been written of it so far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One box, as offsets in what was read: its header begins at `start`, its content is `body`..`end`."""

    kind: bytes
    start: int
    body: int
    end: int
    to_end: bool = False  # its size is 0: it goes on to the end of the file, wherever that is


def box_at(source: bytes | BinaryIO, at: int, end: int, *, clip: bool = False) -> Box:
    """The box that begins at `at` and must end by `end`; with `clip` one that goes on beyond is cut there.

    Raises BoxFault, BoxCutOff.
    """
    head = _read(source, at, min(end, at + LARGE_HEADER_BYTES))
    if len(head) < HEADER_BYTES:
        raise BoxCutOff(f"the header of the box at {at} is cut off")
    size, kind = struct.unpack_from(">I4s", head)
    body = at + HEADER_BYTES
    if size == _TO_END:
        return Box(kind=kind, start=at, body=body, end=end, to_end=True)
    if size == _LARGE:
        if len(head) < LARGE_HEADER_BYTES:
            raise BoxCutOff(f"the header of the box {kind!r} at {at} is cut off")
        (size,) = struct.unpack_from(">Q", head, HEADER_BYTES)
        body = at + LARGE_HEADER_BYTES
    if at + size < body:
        raise BoxFault(f"the box {kind!r} at {at} says {size} bytes, fewer than its header has")
    if at + size > end and not clip:
        raise BoxCutOff(f"the box {kind!r} at {at} says {size} bytes, there are {end - at}")
    return Box(kind=kind, start=at, body=body, end=min(end, at + size))


def boxes(
    source: bytes | BinaryIO, start: int, end: int, *, top_level: bool = False, clip: bool = False
) -> Iterator[Box]:
    """The boxes between two offsets, one after the other, none looked into. Raises BoxFault at the first misfit.

    Only a box at the `top_level` of a file may have a size of 0. With `clip`, for damaged uploads, any box may, and one
    that goes on beyond the end is cut there. Fewer than eight bytes at the end are no box: QuickTime ends some lists
    of boxes with four zeros.
    """
    while end - start >= HEADER_BYTES:
        box = box_at(source, start, end, clip=clip)
        if box.to_end and not (top_level or clip):
            raise BoxFault(f"the box {box.kind!r} at {start} says 0 bytes, which only one at the top level may")
        yield box
        start = box.end


def find_all(source: bytes | BinaryIO, start: int, end: int, *path: bytes, clip: bool = False) -> Iterator[Box]:
    """The boxes at a path of kinds below one box, whose content is `start`..`end`, in file order. Raises BoxFault."""
    for box in boxes(source, start, end, clip=clip):
        if box.kind != path[0]:
            continue
        if len(path) == 1:
            yield box
        else:
            yield from find_all(source, box.body, box.end, *path[1:], clip=clip)


def find(source: bytes | BinaryIO, start: int, end: int, *path: bytes) -> Box:
    """The first of the boxes that `find_all` finds. Raises BoxFault, also where there is none."""
    box = next(find_all(source, start, end, *path), None)
    if box is None:
        raise BoxFault(f"there is no box {b'/'.join(path).decode('latin-1')}")
    return box


def _read(source: bytes | BinaryIO, start: int, end: int) -> bytes:
    if isinstance(source, bytes):
        return source[start:end]
    source.seek(start)
    return source.read(max(0, end - start))
