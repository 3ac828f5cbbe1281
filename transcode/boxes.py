"""Fragmented MP4 as it grows: the init segment and each fragment as soon as it is whole.

In: a file that ffmpeg writes or has written. Out: `Init` and `Fragment`s. Refuses boxes that do not fit together.
Box layouts: ISO/IEC 14496-12.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import Transient
from transcode.codecs import codec_string

_NON_SYNC = 0x00010000


class WrongOutput(Transient):
    """The encoder ended well but wrote something else than planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """What stands before the first fragment."""

    size: int
    timescale: int
    codec: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One moof + mdat: where it is, its decode time and its samples. Times are in the track's timescale."""

    offset: int
    size: int
    decode_time: int
    durations: tuple[int, ...]
    sizes: tuple[int, ...]
    first_offset: int  # composition time offset of the first sample
    payload: int  # file offset of the first sample
    starts_with_sync: bool


class FragmentReader:
    """Reads one file from front to back; `poll` again when it has grown."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._at = 0
        self._moof: tuple[int, bytes] | None = None  # offset, bytes
        self.init: Init | None = None

    def poll(self) -> list[Fragment]:
        """The fragments that have become whole since the last call. Raises WrongOutput."""
        try:
            with self._path.open("rb") as file:
                return list(self._read(file, os.fstat(file.fileno()).st_size))
        except FileNotFoundError:
            return []
        except (struct.error, IndexError, KeyError, ValueError, StopIteration) as exc:
            raise WrongOutput(f"{self._path.name}: a box is cut off or lacks a field: {exc!r}") from exc

    def finish(self) -> list[Fragment]:
        """The last fragments of a file that will not grow any more. Raises WrongOutput when a part of one is left."""
        last = self.poll()
        whole = self._path.exists() and self._path.stat().st_size == self._at
        if self.init is None or self._moof is not None or not whole:
            raise WrongOutput(f"{self._path.name}: not a whole fragmented MP4")
        return last

    def _read(self, file: BinaryIO, size: int) -> Iterator[Fragment]:
        while (box := _head(file, self._at, size)) is not None:
            kind, body, end = box
            if kind == b"moov":
                file.seek(self._at)
                self.init = _init(file.read(end - self._at), body - self._at, end)
            elif kind == b"moof":
                if self._moof is not None:
                    raise WrongOutput("a moof without its mdat")
                file.seek(self._at)
                self._moof = (self._at, file.read(end - self._at))
            elif kind == b"mdat" and self._moof is not None:
                yield _fragment(*self._moof, mdat=body, mdat_end=end)
                self._moof = None
            self._at = end


def _head(file: BinaryIO, at: int, size: int) -> tuple[bytes, int, int] | None:
    """(type, body start, end) of the box at `at`; None while it is not whole."""
    file.seek(at)
    head = file.read(16)
    if len(head) < 8:
        return None
    length, kind = struct.unpack_from(">I4s", head)
    body = at + 8
    if length == 1:
        if len(head) < 16:
            return None
        (length,) = struct.unpack_from(">Q", head, 8)
        body += 8
    if length == 0:
        return None  # still being written
    if length < body - at:
        raise WrongOutput(f"box {kind!r} at {at} says {length} bytes")
    return (kind, body, at + length) if at + length <= size else None


def boxes(buffer: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, body start, end) of the boxes in a range. Raises WrongOutput where they do not fit."""
    while start < end:
        if end - start < 8:
            raise WrongOutput("a box is cut off")
        size, kind = struct.unpack_from(">I4s", buffer, start)
        if size < 8 or start + size > end:
            raise WrongOutput(f"box {kind!r} at {start} says {size} bytes")
        yield kind, start + 8, start + size
        start += size


def _find(buffer: bytes, start: int, end: int, *path: bytes) -> tuple[int, int]:
    for kind, body, stop in boxes(buffer, start, end):
        if kind == path[0]:
            return (body, stop) if len(path) == 1 else _find(buffer, body, stop, *path[1:])
    raise WrongOutput(f"no box {path[0]!r}")


def _init(moov: bytes, body: int, end: int) -> Init:
    trak, trak_end = _find(moov, body, len(moov), b"trak")
    if any(name == b"edts" for name, _, _ in boxes(moov, trak, trak_end)):
        raise WrongOutput("an edit list: players differ in how they read it")
    header, _ = _find(moov, trak, trak_end, b"mdia", b"mdhd")
    (timescale,) = struct.unpack_from(">I", moov, header + (20 if moov[header] else 12))
    table, table_end = _find(moov, trak, trak_end, b"mdia", b"minf", b"stbl", b"stsd")
    first = next(boxes(moov, table + 8, table_end), None)
    if first is None or not timescale:
        raise WrongOutput("a track without a sample entry or a timescale")
    kind, entry, entry_end = first
    return Init(size=end, timescale=timescale, codec=codec_string(kind, moov[entry:entry_end]))


def _fragment(offset: int, moof: bytes, mdat: int, mdat_end: int) -> Fragment:
    traf, traf_end = _find(moof, 8, len(moof), b"traf")
    tfhd, _ = _find(moof, traf, traf_end, b"tfhd")
    flags = int.from_bytes(moof[tfhd + 1 : tfhd + 4], "big")
    at = tfhd + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    defaults = {}
    for bit in (0x8, 0x10, 0x20):  # duration, size, flags
        if flags & bit:
            (defaults[bit],) = struct.unpack_from(">I", moof, at)
            at += 4
    tfdt, _ = _find(moof, traf, traf_end, b"tfdt")
    (decode_time,) = struct.unpack_from(">Q" if moof[tfdt] else ">I", moof, tfdt + 4)
    trun, trun_end = _find(moof, traf, traf_end, b"trun")
    flags = int.from_bytes(moof[trun + 1 : trun + 4], "big")
    count, payload = struct.unpack_from(">Ii", moof, trun + 4)
    if not flags & 1:
        raise WrongOutput("a trun without a data offset")
    at = trun + 12
    first_flags = None
    if flags & 4:
        (first_flags,) = struct.unpack_from(">I", moof, at)
        at += 4
    row_bytes = 4 * (flags >> 8 & 0xF).bit_count()
    if not count or at + count * row_bytes != trun_end or count > mdat_end - mdat:
        raise WrongOutput(f"a trun of {trun_end - trun} bytes says {count} samples")
    durations, sizes, first_offset = [], [], 0
    for number in range(count):
        row = dict(defaults)
        for bit, key in ((0x100, 0x8), (0x200, 0x10), (0x400, 0x20)):
            if flags & bit:
                (row[key],) = struct.unpack_from(">I", moof, at)
                at += 4
        if flags & 0x800:
            if number == 0:
                (first_offset,) = struct.unpack_from(">i", moof, at)
            at += 4
        if number == 0 and first_flags is None:
            first_flags = row.get(0x20, 0)
        durations.append(row[0x8])
        sizes.append(row[0x10])
    if offset + payload != mdat or sum(sizes) != mdat_end - mdat:
        raise WrongOutput(f"the samples of the fragment at {offset} are not its mdat")
    return Fragment(
        offset=offset,
        size=mdat_end - offset,
        decode_time=decode_time,
        durations=tuple(durations),
        sizes=tuple(sizes),
        first_offset=first_offset,
        payload=offset + payload,
        starts_with_sync=not (first_flags or 0) & _NON_SYNC,
    )
