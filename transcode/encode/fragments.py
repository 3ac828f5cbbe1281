"""Reads a fragmented MP4 while it is written: the init segment, and each fragment once it is complete.

In: a file that ffmpeg writes or has written. Out: `Init` and `Fragment`s. Refuses inconsistent boxes.
Box contents: ISO/IEC 14496-12; core.media.mp4_boxes finds the boxes.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from core.errors import Transient
from core.media.mp4_boxes import HEADER_BYTES, Box, BoxCutOff, BoxFault, box_at, boxes, find
from transcode.encode.codec_string import codec_string

_NON_SYNC = 0x00010000
_DURATION, _SIZE, _FLAGS = 0x8, 0x10, 0x20  # tfhd flags: the default is present


class WrongOutput(Transient):
    """The encoder succeeded but its output differs from the plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """Facts of the init segment: its bytes in the file, ticks per second, and the RFC 6381 codec string."""

    size: int
    timescale: int
    codec: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One moof + mdat: file position, decode time and samples. Times are in the track's timescale, sizes in bytes."""

    offset: int
    size: int
    decode_time: int
    durations: tuple[int, ...]
    sizes: tuple[int, ...]
    first_offset: int  # composition time offset of the first sample
    payload: int  # file offset of the first sample
    starts_with_sync: bool


class FragmentReader:
    """Reads a file from front to back; call `poll` again when it has grown."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0
        self._moof: tuple[int, bytes] | None = None  # offset, bytes
        self.init: Init | None = None

    def poll(self) -> list[Fragment]:
        """The fragments completed since the last call. Raises WrongOutput."""
        try:
            with self._path.open("rb") as file:
                return list(self._read(file, os.fstat(file.fileno()).st_size))
        except FileNotFoundError:
            return []
        except BoxFault as exc:
            raise WrongOutput(f"{self._path.name}: {exc}") from exc
        except (struct.error, IndexError, KeyError, ValueError) as exc:
            raise WrongOutput(f"{self._path.name}: a box is cut off or lacks a field: {exc!r}") from exc

    def finish(self) -> list[Fragment]:
        """The last fragments of a finished file. Raises WrongOutput when the file ends inside a box or fragment."""
        last = self.poll()
        whole = self._path.exists() and self._path.stat().st_size == self._offset
        if self.init is None or self._moof is not None or not whole:
            raise WrongOutput(f"{self._path.name}: not a complete fragmented MP4")
        return last

    def _read(self, file: BinaryIO, size: int) -> Iterator[Fragment]:
        while (box := _complete_box(file, self._offset, size)) is not None:
            if box.kind == b"moov":
                self.init = _init(_bytes_of(file, box), box)
            elif box.kind == b"moof":
                if self._moof is not None:
                    raise WrongOutput("a moof without its mdat")
                self._moof = (box.start, _bytes_of(file, box))
            elif box.kind == b"mdat" and self._moof is not None:
                yield _fragment(*self._moof, mdat=box.body, mdat_end=box.end)
                self._moof = None
            self._offset = box.end


def _complete_box(file: BinaryIO, at: int, size: int) -> Box | None:
    """The box at `at`; None while it is still being written."""
    try:
        box = box_at(file, at, size)
    except BoxCutOff:
        return None
    return None if box.to_end else box


def _bytes_of(file: BinaryIO, box: Box) -> bytes:
    """The bytes of a box, its header included."""
    file.seek(box.start)
    return file.read(box.end - box.start)


def _init(moov: bytes, box: Box) -> Init:
    """Parse the init segment: `moov` is the whole box, `box` its position in the file. Raises WrongOutput."""
    track = find(moov, box.body - box.start, len(moov), b"trak")
    if any(child.kind == b"edts" for child in boxes(moov, track.body, track.end)):
        raise WrongOutput("an edit list: players interpret those differently")
    header = find(moov, track.body, track.end, b"mdia", b"mdhd").body
    (timescale,) = struct.unpack_from(">I", moov, header + (20 if moov[header] else 12))
    table = find(moov, track.body, track.end, b"mdia", b"minf", b"stbl", b"stsd")
    # Before its entries a sample description table has version, flags and a count (8.5.2).
    entry = next(boxes(moov, table.body + 8, table.end), None)
    if entry is None or not timescale:
        raise WrongOutput("a track without a sample entry or a timescale")
    return Init(size=box.end, timescale=timescale, codec=codec_string(entry.kind, moov[entry.body : entry.end]))


def _fragment(offset: int, moof: bytes, mdat: int, mdat_end: int) -> Fragment:
    """Parse one fragment: `moof` is the whole box at `offset` in the file, its samples are `mdat`..`mdat_end`."""
    track = find(moof, HEADER_BYTES, len(moof), b"traf")
    defaults = _defaults(moof, find(moof, track.body, track.end, b"tfhd").body)
    tfdt = find(moof, track.body, track.end, b"tfdt").body
    (decode_time,) = struct.unpack_from(">Q" if moof[tfdt] else ">I", moof, tfdt + 4)
    run = _track_run(moof, find(moof, track.body, track.end, b"trun"), defaults, most_samples=mdat_end - mdat)
    if offset + run.data_offset != mdat or sum(run.sizes) != mdat_end - mdat:
        raise WrongOutput(f"the samples of the fragment at {offset} are not its mdat")
    return Fragment(
        offset=offset,
        size=mdat_end - offset,
        decode_time=decode_time,
        durations=run.durations,
        sizes=run.sizes,
        first_offset=run.first_offset,
        payload=offset + run.data_offset,
        starts_with_sync=not run.first_flags & _NON_SYNC,
    )


def _defaults(moof: bytes, tfhd: int) -> dict[int, int]:
    """Default duration, size and flags of a track fragment header (8.8.7), by the tfhd flag of each."""
    flags = int.from_bytes(moof[tfhd + 1 : tfhd + 4], "big")
    at = tfhd + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    defaults = {}
    for bit in (_DURATION, _SIZE, _FLAGS):
        if flags & bit:
            (defaults[bit],) = struct.unpack_from(">I", moof, at)
            at += 4
    return defaults


@dataclass(frozen=True, slots=True, kw_only=True)
class _TrackRun:
    """The samples of a trun. `data_offset` is that of the first sample, from the start of the moof."""

    data_offset: int
    durations: tuple[int, ...]
    sizes: tuple[int, ...]
    first_offset: int
    first_flags: int


def _track_run(moof: bytes, trun: Box, defaults: dict[int, int], *, most_samples: int) -> _TrackRun:
    """Parse a track fragment run (8.8.8); `defaults` fill in the fields it leaves out. Raises WrongOutput."""
    flags = int.from_bytes(moof[trun.body + 1 : trun.body + 4], "big")
    count, data_offset = struct.unpack_from(">Ii", moof, trun.body + 4)
    if not flags & 1:
        raise WrongOutput("a trun without a data offset")
    at = trun.body + 12
    first_flags = None
    if flags & 4:
        (first_flags,) = struct.unpack_from(">I", moof, at)
        at += 4
    row_bytes = 4 * (flags >> 8 & 0xF).bit_count()
    if not count or at + count * row_bytes != trun.end or count > most_samples:
        raise WrongOutput(f"a trun of {trun.end - trun.body} bytes says {count} samples")
    durations, sizes, first_offset = [], [], 0
    for number in range(count):
        row = dict(defaults)
        for bit, key in ((0x100, _DURATION), (0x200, _SIZE), (0x400, _FLAGS)):
            if flags & bit:
                (row[key],) = struct.unpack_from(">I", moof, at)
                at += 4
        if flags & 0x800:
            if number == 0:
                (first_offset,) = struct.unpack_from(">i", moof, at)
            at += 4
        if number == 0 and first_flags is None:
            first_flags = row.get(_FLAGS, 0)
        durations.append(row[_DURATION])
        sizes.append(row[_SIZE])
    return _TrackRun(
        data_offset=data_offset,
        durations=tuple(durations),
        sizes=tuple(sizes),
        first_offset=first_offset,
        first_flags=first_flags or 0,
    )
