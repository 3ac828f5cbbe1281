"""Fragmented MP4: read what the encoder wrote, check it against the plan, cut it into CMAF segments.

In: the files of one ffmpeg run. Out: init segments and segments as byte ranges with hashes. Refuses (Transient, the
encode is wrong, not the upload) any file whose frames, times or sync points are not exactly what the plan says.
Box layouts: ISO/IEC 14496-12; constraints: ISO/IEC 23000-19 (CMAF).
"""

import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from mmap import ACCESS_READ, mmap
from pathlib import Path

from core.errors import Transient
from core.media import Blob
from transcode.plan import AUDIO_RATE_HZ

AAC_FRAME_SAMPLES = 1024
_NON_SYNC = 0x00010000
Bytes = bytes | mmap


class WrongOutput(Transient):
    """The encoder ended well but wrote something else than planned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Bytes `offset`..`offset + size` of a local file, with their hash."""

    path: Path
    offset: int
    blob: Blob


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A fragmented file with one track."""

    init_size: int
    timescale: int
    codec: str
    fragments: tuple[Fragment, ...]


def _boxes(buffer: Bytes, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, body start, end) of the boxes in a range. Raises WrongOutput where they do not fit."""
    while start < end:
        if end - start < 8:
            raise WrongOutput("a box is cut off")
        size, kind = struct.unpack_from(">I4s", buffer, start)
        body = start + 8
        if size == 1:
            if end - start < 16:
                raise WrongOutput("a box is cut off")
            (size,) = struct.unpack_from(">Q", buffer, body)
            body += 8
        if size < body - start or start + size > end:
            raise WrongOutput(f"box {kind!r} at {start} says {size} bytes")
        yield kind, body, start + size
        start += size


def _find(buffer: Bytes, start: int, end: int, *path: bytes) -> tuple[int, int]:
    for kind, body, stop in _boxes(buffer, start, end):
        if kind == path[0]:
            return (body, stop) if len(path) == 1 else _find(buffer, body, stop, *path[1:])
    raise WrongOutput(f"no box {path[0]!r}")


def _codec(buffer: Bytes, start: int, end: int) -> str:
    """RFC 6381 name of the one sample entry."""
    body, stop = _find(buffer, start, end, b"mdia", b"minf", b"stbl", b"stsd")
    kind, entry, entry_end = next(_boxes(buffer, body + 8, stop))
    if kind == b"avc1":
        config, _ = _find(buffer, entry + 78, entry_end, b"avcC")
        return f"avc1.{buffer[config + 1 : config + 4].hex()}"
    if kind == b"mp4a":
        return "mp4a.40.2"
    raise WrongOutput(f"unexpected sample entry {kind!r}")


def _timescale(buffer: Bytes, start: int, end: int) -> int:
    body, _ = _find(buffer, start, end, b"mdia", b"mdhd")
    scale: int = struct.unpack_from(">I", buffer, body + (20 if buffer[body] else 12))[0]
    return scale


def _fragment(buffer: Bytes, offset: int, body: int, end: int, mdat: int, mdat_end: int) -> Fragment:
    traf, traf_end = _find(buffer, body, end, b"traf")
    tfhd, _ = _find(buffer, traf, traf_end, b"tfhd")
    flags = int.from_bytes(buffer[tfhd + 1 : tfhd + 4], "big")
    at = tfhd + 8 + (8 if flags & 1 else 0) + (4 if flags & 2 else 0)
    defaults = {}
    for bit in (0x8, 0x10, 0x20):  # duration, size, flags
        if flags & bit:
            (defaults[bit],) = struct.unpack_from(">I", buffer, at)
            at += 4
    tfdt, _ = _find(buffer, traf, traf_end, b"tfdt")
    (decode_time,) = struct.unpack_from(">Q" if buffer[tfdt] else ">I", buffer, tfdt + 4)
    trun, trun_end = _find(buffer, traf, traf_end, b"trun")
    flags = int.from_bytes(buffer[trun + 1 : trun + 4], "big")
    count, payload = struct.unpack_from(">Ii", buffer, trun + 4)
    if not flags & 1:
        raise WrongOutput("a trun without a data offset")
    at = trun + 12
    first_flags = None
    if flags & 4:
        (first_flags,) = struct.unpack_from(">I", buffer, at)
        at += 4
    row_bytes = 4 * (flags >> 8 & 0xF).bit_count()
    if not count or at + count * row_bytes != trun_end or count > mdat_end - mdat:
        raise WrongOutput(f"a trun of {trun_end - trun} bytes says {count} samples")
    durations, sizes, first_offset = [], [], 0
    for number in range(count):
        row = dict(defaults)
        for bit, key in ((0x100, 0x8), (0x200, 0x10), (0x400, 0x20)):
            if flags & bit:
                (row[key],) = struct.unpack_from(">I", buffer, at)
                at += 4
        if flags & 0x800:
            if number == 0:
                (first_offset,) = struct.unpack_from(">i", buffer, at)
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


def read(buffer: Bytes) -> Track:
    """The track of a fragmented file. Raises WrongOutput."""
    try:
        return _read(buffer)
    except (struct.error, IndexError, KeyError, StopIteration) as exc:
        raise WrongOutput(f"a box is cut off or lacks a field: {exc!r}") from exc


def _read(buffer: Bytes) -> Track:
    fragments: list[Fragment] = []
    moof: tuple[int, int, int] | None = None
    track: tuple[int, int, str] | None = None
    start = 0
    for kind, body, end in _boxes(buffer, 0, len(buffer)):
        if kind == b"moov":
            trak, trak_end = _find(buffer, body, end, b"trak")
            if any(name == b"edts" for name, _, _ in _boxes(buffer, trak, trak_end)):
                raise WrongOutput("an edit list: players differ in how they read it")
            track = (end, _timescale(buffer, trak, trak_end), _codec(buffer, trak, trak_end))
        elif kind == b"moof":
            if moof:
                raise WrongOutput("a moof without its mdat")
            moof = (start, body, end)
        elif kind == b"mdat" and moof:
            fragments.append(_fragment(buffer, *moof, mdat=body, mdat_end=end))
            moof = None
        start = end
    if track is None or not fragments or moof is not None:
        raise WrongOutput("not a whole fragmented MP4")
    return Track(init_size=track[0], timescale=track[1], codec=track[2], fragments=tuple(fragments))


def _piece(buffer: Bytes, path: Path, offset: int, size: int) -> Piece:
    digest = hashlib.sha256(memoryview(buffer)[offset : offset + size]).hexdigest()
    return Piece(path=path, offset=offset, blob=Blob(sha256=digest, size_bytes=size))


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A rendition as pieces: the init segment and (segment, duration in `timescale`)."""

    codec: str
    timescale: int
    init: Piece
    segments: tuple[tuple[Piece, int], ...]


@contextmanager
def _mapped(path: Path) -> Iterator[mmap]:
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise WrongOutput(f"{path.name} is empty")
        with mmap(file.fileno(), 0, access=ACCESS_READ) as buffer:
            yield buffer


def cut_video(path: Path, *, frames: int, frame_ticks: int, timescale: int, gop: int, segment: int) -> Cut:
    """Check every fragment against the plan (counts in frames) and cut every `segment` frames. Raises WrongOutput."""
    with _mapped(path) as buffer:
        track = read(buffer)
        if track.timescale != timescale:
            raise WrongOutput(f"{path.name}: timescale {track.timescale}, planned {timescale}")
        seen = 0
        for fragment in track.fragments:
            expected = min(gop, frames - seen)
            if (
                len(fragment.sizes) != expected
                or fragment.decode_time != seen * frame_ticks
                or fragment.first_offset != 0
                or set(fragment.durations) != {frame_ticks}
                or not fragment.starts_with_sync
            ):
                raise WrongOutput(
                    f"{path.name}: fragment at frame {seen} has {len(fragment.sizes)} frames of {expected}, "
                    f"decode time {fragment.decode_time} of {seen * frame_ticks}, sync {fragment.starts_with_sync}"
                )
            seen += expected
        if seen != frames:
            raise WrongOutput(f"{path.name}: {seen} frames of {frames}")
        per_segment = segment // gop
        cuts = []
        for first in range(0, len(track.fragments), per_segment):
            group = track.fragments[first : first + per_segment]
            size = sum(fragment.size for fragment in group)
            ticks = sum(len(fragment.sizes) for fragment in group) * frame_ticks
            cuts.append((_piece(buffer, path, group[0].offset, size), ticks))
        return Cut(
            codec=track.codec,
            timescale=track.timescale,
            init=_piece(buffer, path, 0, track.init_size),
            segments=tuple(cuts),
        )


def cut_audio(path: Path, *, duration_s: Fraction, segment_s: Fraction) -> Cut:
    """Drop the encoder's priming frame and write the rest anew, cut as near to the video's grid as frames allow.

    The priming frame holds the 1024 samples before time 0; left in, all sound is 21 ms late. Writes `path` + ".cut".
    """
    out_path = path.with_suffix(".cut.mp4")
    with _mapped(path) as buffer:
        track = read(buffer)
        if track.timescale != AUDIO_RATE_HZ:
            raise WrongOutput(f"{path.name}: timescale {track.timescale}, planned {AUDIO_RATE_HZ}")
        samples: list[tuple[int, int]] = []  # offset, size
        for fragment in track.fragments:
            # The very last frame may say less: it is cut off or written as a whole one.
            whole = fragment.durations[:-1] if fragment is track.fragments[-1] else fragment.durations
            if fragment.decode_time != len(samples) * AAC_FRAME_SAMPLES or set(whole) - {AAC_FRAME_SAMPLES}:
                raise WrongOutput(f"{path.name}: frames of sound at {fragment.decode_time} are not where they belong")
            at = fragment.payload
            for size in fragment.sizes:
                samples.append((at, size))
                at += size
        del samples[0]
        needed = -(-duration_s * track.timescale // AAC_FRAME_SAMPLES)
        if len(samples) < needed:
            raise WrongOutput(f"{path.name}: {len(samples)} frames of sound, {needed} needed")
        del samples[int(needed) :]
        out = bytearray(buffer[: track.init_size])
        ranges = []
        first = 0
        for number, last in enumerate(_grid(len(samples), segment_s * track.timescale / AAC_FRAME_SAMPLES), start=1):
            group = samples[first:last]
            start = len(out)
            out += _audio_fragment(number, first * AAC_FRAME_SAMPLES, [size for _, size in group])
            for offset, size in group:
                out += buffer[offset : offset + size]
            ranges.append((start, len(out) - start, len(group) * AAC_FRAME_SAMPLES))
            first = last
    out_path.write_bytes(out)
    written = bytes(out)
    return Cut(
        codec=track.codec,
        timescale=track.timescale,
        init=_piece(written, out_path, 0, track.init_size),
        segments=tuple((_piece(written, out_path, start, size), ticks) for start, size, ticks in ranges),
    )


def _grid(count: int, step: Fraction) -> list[int]:
    """Ends of runs of frames nearest to multiples of `step`, the last one `count`; a tail under half a step joins."""
    ends: list[int] = []
    number = 1
    while (end := round(number * step)) < count:
        ends.append(end)
        number += 1
    return [*ends, count]


def _box(kind: bytes, *bodies: bytes) -> bytes:
    body = b"".join(bodies)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _audio_fragment(sequence: int, decode_time: int, sizes: list[int]) -> bytes:
    """moof and the head of its mdat for AAC frames of these sizes, all sync samples of 1024."""
    header = struct.pack(">II", 0, sequence)
    # default-base-is-moof, default sample duration and flags (depends on no other, sync)
    tfhd = struct.pack(">IIII", 0x020028, 1, AAC_FRAME_SAMPLES, 0x02000000)
    tfdt = struct.pack(">IQ", 0x01000000, decode_time)
    trun_size = 8 + 12 + 4 * len(sizes)
    moof_size = 8 + 16 + 8 + (8 + len(tfhd)) + (8 + len(tfdt)) + trun_size
    trun = struct.pack(">IIi", 0x000201, len(sizes), moof_size + 8) + struct.pack(f">{len(sizes)}I", *sizes)
    moof = _box(
        b"moof", _box(b"mfhd", header), _box(b"traf", _box(b"tfhd", tfhd), _box(b"tfdt", tfdt), _box(b"trun", trun))
    )
    return moof + struct.pack(">I4s", sum(sizes) + 8, b"mdat")
