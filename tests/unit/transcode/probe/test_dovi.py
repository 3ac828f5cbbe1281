"""transcode.probe.dolby_vision: which tracks of an MP4 are Dolby Vision without a base layer that plain decoders show
right."""

import struct
from pathlib import Path

import pytest

from transcode.probe.dolby_vision import without_base


def box(kind: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I4s", 8 + len(content), kind) + content


def track(*records: bytes) -> bytes:
    """A track with one sample entry that ends with these boxes."""
    entry = box(b"dvh1", bytes(78) + box(b"hvcC", bytes(23)) + b"".join(records))
    stsd = box(b"stsd", struct.pack(">II", 0, 1) + entry)
    return box(b"trak", box(b"tkhd", bytes(84)) + box(b"mdia", box(b"minf", box(b"stbl", stsd))))


def record(profile: int, compatibility: int, kind: bytes = b"dvcC") -> bytes:
    return box(kind, bytes([1, 0, profile << 1, 0, compatibility << 4]) + bytes(19))


def tracks_without_base(body: bytes, folder: Path) -> frozenset[int]:
    path = folder / "clip.mp4"
    path.write_bytes(body)
    return without_base(path)


@pytest.mark.parametrize(
    ("records", "without"),
    [
        ((record(5, 0),), True),
        ((record(10, 0, b"dvvC"),), True),
        ((record(20, 0, b"dvwC"),), True),
        ((record(8, 1),), False),
        ((record(8, 4),), False),
        ((record(7, 0),), False),
        ((record(9, 0, b"dvvC"),), False),
        ((), False),
        ((box(b"dvcC", b"\1\0"),), False),
    ],
)
def test_the_record_of_a_track(records: tuple[bytes, ...], without: bool, tmp_path: Path) -> None:
    body = box(b"ftyp", b"isom") + box(b"moov", box(b"mvhd") + track() + track(*records)) + box(b"mdat", bytes(9))
    assert tracks_without_base(body, tmp_path) == ({1} if without else set())


def test_the_index_may_come_last_and_behind_a_large_box(tmp_path: Path) -> None:
    media = struct.pack(">I4sQ", 1, b"mdat", 16 + 5) + bytes(5)
    assert tracks_without_base(box(b"ftyp") + media + box(b"moov", track(record(5, 0))), tmp_path) == {0}


def test_what_is_left_of_a_damaged_file_counts(tmp_path: Path) -> None:
    moov = box(b"moov", track(record(5, 0)) + track())
    assert tracks_without_base(moov[:-40], tmp_path) == {0}, "the index is cut off"
    assert tracks_without_base(box(b"moov", track(record(5, 0)) + struct.pack(">I4s", 3, b"trak")), tmp_path) == {0}
    for junk in (b"", b"\0" * 64, b"\xff" * 64, struct.pack(">I4s", 0, b"moov")):
        assert tracks_without_base(junk, tmp_path) == set()
