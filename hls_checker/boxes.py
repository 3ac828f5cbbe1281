"""Fragmented MP4 -> the facts that rules are about. Pure.

In: the bytes of an init segment or of a media segment. Out: `Init` and `Fragments`. Refuses (BoxFault) bytes whose
boxes do not fit together. Layouts: ISO/IEC 14496-12; CMAF: ISO/IEC 23000-19.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from hls_checker.errors import CheckError
from hls_checker.sample_entry import Entry, sample_entry

_NON_SYNC = 0x00010000
_KINDS = {b"vide": "video", b"soun": "audio", b"text": "text", b"subt": "text"}
_DURATION, _SIZE, _FLAGS, _OFFSET = 0x100, 0x200, 0x400, 0x800  # the columns of a trun


class BoxFault(CheckError):
    """The boxes of a file do not fit together."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Init:
    """What an init segment says of its one track."""

    kind: str  # video, audio, text
    timescale: int
    entry: Entry
    shown_width: int  # by the track header
    shown_height: int
    edited: bool  # has an edit list


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """One moof with its mdat. Times are in the track's timescale, places in bytes from the segment's begin."""

    start: int
    end: int
    decode_time: int
    first_shown: int  # composition time of the first sample
    duration: int
    samples: int
    longest: int  # duration of the longest sample
    first_start: int
    first_end: int
    first_is_sync: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragments:
    """A media segment. `key_picture` is None where the codec's pictures are not looked into, as in encrypted ones."""

    size_bytes: int
    fragments: tuple[Fragment, ...]
    key_picture: bool | None

    @property
    def duration(self) -> int:
        return sum(fragment.duration for fragment in self.fragments)

    @property
    def samples(self) -> int:
        return sum(fragment.samples for fragment in self.fragments)


def init_segment(body: bytes) -> Init:
    """Parse an init segment, which must have one track. Raises BoxFault."""
    try:
        moov = _find(body, 0, len(body), b"moov")
        tracks = [(start, end) for kind, start, end in _boxes(body, *moov) if kind == b"trak"]
        if len(tracks) != 1:
            raise BoxFault(f"the init segment has {len(tracks)} tracks, it may have one")
        _find(body, *moov, b"mvex", b"trex")
        return _track(body, *tracks[0])
    except (struct.error, IndexError, ValueError) as exc:
        raise BoxFault(f"a box of the init segment is cut off: {exc}") from exc


def _track(body: bytes, start: int, end: int) -> Init:
    tkhd, tkhd_end = _find(body, start, end, b"tkhd")
    width, height = struct.unpack_from(">II", body, tkhd_end - 8)
    if tkhd_end - tkhd not in (84, 96):
        raise BoxFault("the track header has a wrong size")
    mdhd, _ = _find(body, start, end, b"mdia", b"mdhd")
    (timescale,) = struct.unpack_from(">I", body, mdhd + (20 if body[mdhd] else 12))
    handler, _ = _find(body, start, end, b"mdia", b"hdlr")
    kind = _KINDS.get(body[handler + 8 : handler + 12], "")
    if not timescale or not kind:
        raise BoxFault(f"the track has timescale {timescale} and is {body[handler + 8 : handler + 12]!r}")
    stsd, stsd_end = _find(body, start, end, b"mdia", b"minf", b"stbl", b"stsd")
    entries = list(_boxes(body, stsd + 8, stsd_end))
    if len(entries) != 1:
        raise BoxFault(f"the track has {len(entries)} sample entries, one is expected")
    name, entry, entry_end = entries[0]
    return Init(
        kind=kind,
        timescale=timescale,
        entry=sample_entry(kind, name, body[entry:entry_end]),
        shown_width=width >> 16,
        shown_height=height >> 16,
        edited=any(name == b"edts" for name, _, _ in _boxes(body, start, end)),
    )


def media_segment(body: bytes, init: Init) -> Fragments:
    """Parse a media segment of the track of `init`. Raises BoxFault."""
    try:
        fragments = tuple(_fragments(body))
        if not fragments:
            raise BoxFault("the segment has no fragment")
        first = fragments[0]
        key = init.entry.key_picture(body[first.first_start : first.first_end])
    except (struct.error, IndexError, ValueError) as exc:
        raise BoxFault(f"a box of the segment is cut off: {exc}") from exc
    return Fragments(size_bytes=len(body), fragments=fragments, key_picture=key)


def _fragments(body: bytes) -> Iterator[Fragment]:
    moof: tuple[int, int] | None = None
    for kind, start, end in _boxes(body, 0, len(body)):
        if kind == b"moov":
            raise BoxFault("the segment has a moov: it belongs in the init segment")
        if kind == b"moof":
            if moof is not None:
                raise BoxFault("a moof without its mdat")
            moof = (start, end)
        elif kind == b"mdat":
            if moof is None:
                raise BoxFault("an mdat without its moof")
            yield _fragment(body, moof, (start, end))
            moof = None
    if moof is not None:
        raise BoxFault("the last moof has no mdat")


def _fragment(body: bytes, moof: tuple[int, int], mdat: tuple[int, int]) -> Fragment:
    tracks = [(start, end) for kind, start, end in _boxes(body, *moof) if kind == b"traf"]
    if len(tracks) != 1:
        raise BoxFault(f"a fragment has {len(tracks)} tracks, it may have one")
    defaults = _defaults(body, *tracks[0])
    tfdt, _ = _find(body, *tracks[0], b"tfdt")
    (decode_time,) = struct.unpack_from(">Q" if body[tfdt] else ">I", body, tfdt + 4)
    runs = [(start, end) for kind, start, end in _boxes(body, *tracks[0]) if kind == b"trun"]
    if len(runs) != 1:
        raise BoxFault(f"a fragment has {len(runs)} runs of samples, CMAF allows one")
    run = _run(body, *runs[0], defaults)
    start = moof[0] - 8
    if start + run.place != mdat[0] or run.total_bytes != mdat[1] - mdat[0]:
        raise BoxFault(f"the samples of the fragment at byte {start} are not its mdat")
    return Fragment(
        start=start,
        end=mdat[1],
        decode_time=decode_time,
        first_shown=decode_time + run.first_offset,
        duration=run.duration,
        samples=run.samples,
        longest=run.longest,
        first_start=mdat[0],
        first_end=mdat[0] + run.first_size,
        first_is_sync=not run.first_flags & _NON_SYNC,
    )


def _defaults(body: bytes, start: int, end: int) -> dict[int, int]:
    """Default duration, size and flags of samples from the tfhd, by trun column."""
    at, _ = _find(body, start, end, b"tfhd")
    flags = int.from_bytes(body[at + 1 : at + 4], "big")
    if flags & 1 or not flags & 0x20000:
        raise BoxFault("a fragment counts its bytes from elsewhere than its moof")
    at += 8 + (4 if flags & 2 else 0)
    defaults = {}
    for bit, column in ((0x8, _DURATION), (0x10, _SIZE), (0x20, _FLAGS)):
        if flags & bit:
            (defaults[column],) = struct.unpack_from(">I", body, at)
            at += 4
    return defaults


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    place: int  # of the first sample, from the moof's begin
    samples: int
    duration: int
    longest: int
    total_bytes: int
    first_size: int
    first_flags: int
    first_offset: int


def _run(body: bytes, start: int, end: int, defaults: dict[int, int]) -> _Run:
    flags = int.from_bytes(body[start + 1 : start + 4], "big")
    count, place = struct.unpack_from(">Ii", body, start + 4)
    if not flags & 1 or not count:
        raise BoxFault("a run of samples has no place, or no samples")
    at, first_flags = start + 12, None
    if flags & 4:
        (first_flags,) = struct.unpack_from(">I", body, at)
        at += 4
    columns = [bit for bit in (_DURATION, _SIZE, _FLAGS, _OFFSET) if flags & bit]
    if at + 4 * len(columns) * count != end:
        raise BoxFault(f"a run of {end - start} bytes says {count} samples")
    rows = struct.unpack_from(f">{len(columns) * count}I", body, at)

    def column(bit: int) -> tuple[int, ...] | None:
        return rows[columns.index(bit) :: len(columns)] if bit in columns else None

    def default(bit: int, name: str) -> int:
        if bit not in defaults:
            raise BoxFault(f"samples without a {name}")
        return defaults[bit]

    durations, sizes, own_flags, offsets = (column(bit) for bit in (_DURATION, _SIZE, _FLAGS, _OFFSET))
    even = 0 if durations else default(_DURATION, "duration")
    size = 0 if sizes else default(_SIZE, "size")
    if first_flags is None:
        first_flags = own_flags[0] if own_flags else defaults.get(_FLAGS, 0)
    offset = offsets[0] if offsets else 0
    return _Run(
        place=place,
        samples=count,
        duration=sum(durations) if durations else even * count,
        longest=max(durations) if durations else even,
        total_bytes=sum(sizes) if sizes else size * count,
        first_size=sizes[0] if sizes else size,
        first_flags=first_flags,
        first_offset=offset - (1 << 32) if offset >> 31 else offset,
    )


def _boxes(body: bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, start of the content, end) of the boxes in a byte range. Raises BoxFault where sizes do not add up."""
    while start < end:
        if end - start < 8:
            raise BoxFault("a box is cut off")
        size, kind = struct.unpack_from(">I4s", body, start)
        if size < 8 or start + size > end:
            raise BoxFault(f"the box {kind!r} at byte {start} says {size} bytes")
        yield kind, start + 8, start + size
        start += size


def _find(body: bytes, start: int, end: int, *path: bytes) -> tuple[int, int]:
    for kind, inside, stop in _boxes(body, start, end):
        if kind == path[0]:
            return (inside, stop) if len(path) == 1 else _find(body, inside, stop, *path[1:])
    raise BoxFault(f"there is no box {path[0]!r}")
