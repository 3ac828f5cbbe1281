"""transcode.encode.fragments: a real fragmented MP4, read as it grows; and whatever is wrong with it is WrongOutput
alone."""

import struct
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from core.media.mp4_boxes import boxes
from tests.encodes import Encodes, patched
from transcode.encode.cutters import AAC_FRAME_SAMPLES
from transcode.encode.fragments import Fragment, FragmentReader, WrongOutput

U32 = struct.Struct(">I").pack
PROPERTY = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def read(body: bytes, folder: Path) -> list[Fragment]:
    """The fragments of a file that will not grow any more."""
    path = folder / "read.mp4"
    path.write_bytes(body)
    return FragmentReader(path).finish()


def test_a_picture_file(encodes: Encodes) -> None:
    reader = FragmentReader(encodes.video)
    fragments = reader.finish()
    assert reader.init is not None
    assert (reader.init.timescale, reader.init.codec[:9]) == (30_000, "avc1.6400")
    assert [len(fragment.sizes) for fragment in fragments] == [60, 60, 60, 60, 11]
    assert [fragment.decode_time for fragment in fragments] == [n * 60 * 1001 for n in range(5)]
    assert {ticks for fragment in fragments for ticks in fragment.durations} == {1001}
    assert all(fragment.starts_with_sync and fragment.first_offset == 0 for fragment in fragments)


def test_a_sound_file(encodes: Encodes) -> None:
    reader = FragmentReader(encodes.sound)
    fragments = reader.finish()
    assert reader.init is not None
    assert (reader.init.timescale, reader.init.codec) == (48_000, "mp4a.40.2")
    assert fragments[0].decode_time == 10 * 48_000 - AAC_FRAME_SAMPLES, "its priming, ten seconds late"
    assert sum(len(fragment.sizes) for fragment in fragments) * AAC_FRAME_SAMPLES >= 48_000 * encodes.plan.duration_s


@pytest.mark.parametrize("kind", ["video", "sound"])
def test_fragments_tile_the_file(encodes: Encodes, kind: str) -> None:
    reader = FragmentReader(encodes.file(kind))
    fragments = reader.finish()
    assert reader.init is not None
    assert fragments[0].offset == reader.init.size
    assert all(a.offset + a.size == b.offset for a, b in pairwise(fragments))
    body = encodes.file(kind).read_bytes()
    for fragment in fragments:
        kinds = [box.kind for box in boxes(body, fragment.offset, fragment.offset + fragment.size)]
        assert kinds == [b"moof", b"mdat"]
        assert fragment.payload + sum(fragment.sizes) == fragment.offset + fragment.size
    assert body[fragments[-1].offset + fragments[-1].size :][4:8] == b"mfra"


def test_before_there_is_a_file(tmp_path: Path) -> None:
    reader = FragmentReader(tmp_path / "later.mp4")
    assert reader.poll() == []
    with pytest.raises(WrongOutput, match=r"later\.mp4: not a complete fragmented MP4"):
        reader.finish()


@pytest.mark.parametrize("kind", ["video", "sound"])
@PROPERTY
@given(data=st.data())
def test_polls_of_a_growing_file_give_each_fragment_once(
    encodes: Encodes, kind: str, tmp_path: Path, data: st.DataObject
) -> None:
    body = encodes.file(kind).read_bytes()
    whole = FragmentReader(encodes.file(kind)).finish()
    path = tmp_path / "growing.mp4"
    path.unlink(missing_ok=True)
    reader, found = FragmentReader(path), []
    for stop in sorted(data.draw(st.lists(st.integers(0, len(body)), max_size=12))):
        path.write_bytes(body[:stop])
        found += reader.poll()
        assert found == [fragment for fragment in whole if fragment.offset + fragment.size <= stop]
    path.write_bytes(body)
    assert [*found, *reader.finish()] == whole
    assert reader.poll() == []


@pytest.mark.parametrize("stop", [-1, -8, -100])
def test_a_file_that_ends_inside_a_box_is_refused(encodes: Encodes, stop: int, tmp_path: Path) -> None:
    with pytest.raises(WrongOutput, match="not a complete"):
        read(encodes.video.read_bytes()[:stop], tmp_path)


def test_a_header_without_its_samples_is_refused(encodes: Encodes, tmp_path: Path) -> None:
    body = encodes.video.read_bytes()
    last = FragmentReader(encodes.video).finish()[-1]
    with pytest.raises(WrongOutput, match="not a complete"):
        read(body[: last.payload - 8], tmp_path)


def test_a_large_size_is_read(encodes: Encodes, tmp_path: Path) -> None:
    """ISO/IEC 14496-12 4.2: size 1 means that 64 bits of size follow the type."""
    free = struct.pack(">I4sQ", 1, b"free", 20) + b"1234"
    body = encodes.video.read_bytes()
    at = len(free)
    moved = [fragment.offset - at for fragment in read(free + body, tmp_path)]
    assert moved == [fragment.offset for fragment in FragmentReader(encodes.video).finish()]


@pytest.mark.parametrize("kind", ["video", "sound"])
@pytest.mark.parametrize(
    ("box", "at", "value"),
    [
        pytest.param("ftyp", -8, b"\x7f", id="a box longer than the file"),
        pytest.param("moov", -8, U32(3), id="a box shorter than its head"),
        pytest.param("trak", -8, U32(0), id="a box of size 0"),
        pytest.param("mdat", -4, b"free", id="no first samples"),
        pytest.param("trak", -4, b"free", id="no track"),
        pytest.param("mdhd", -4, b"free", id="no media header"),
        pytest.param("tfhd", -4, b"free", id="no fragment header"),
        pytest.param("tfdt", -4, b"free", id="no decode time"),
        pytest.param("stsd", 12, b"zzzz", id="another codec"),
        pytest.param("stsd", -8, U32(16), id="no sample entry"),
        pytest.param("tkhd", -4, b"edts", id="an edit list"),
        pytest.param("trun", 0, U32(0x200), id="no data offset"),
        pytest.param("trun", 8, U32(0x7FFFFFFF), id="samples behind the end"),
        pytest.param("trun", 8, U32(0xFFFFFF00), id="samples before the fragment"),
        pytest.param("trun", 8, U32(0), id="samples in the header"),
        pytest.param("trun", 4, U32(50_000), id="more samples than rows"),
        pytest.param("trun", 4, U32(0), id="no samples"),
        pytest.param("trun", 16, U32(0x00FFFFFF), id="samples larger than their mdat"),
        # By default only: a count alone must not cost time and memory.
        pytest.param("trun", 0, U32(1) + U32(300_000), id="samples without rows"),
    ],
)
def test_damage_is_wrong_output(encodes: Encodes, kind: str, box: str, at: int, value: bytes, tmp_path: Path) -> None:
    """Only WrongOutput may come out: it is what says "encode again" and not "our bug"."""
    body = encodes.file(kind).read_bytes()
    with pytest.raises(WrongOutput):
        read(patched(body, box, at, value), tmp_path)


@pytest.mark.parametrize("kind", ["video", "sound"])
def test_what_no_player_looks_at_may_be_anything(encodes: Encodes, kind: str, tmp_path: Path) -> None:
    body = encodes.file(kind).read_bytes()
    assert read(patched(body, "udta", -4, b"free"), tmp_path) == read(body, tmp_path)


def test_a_fragment_header_after_a_fragment_header_is_refused(encodes: Encodes, tmp_path: Path) -> None:
    body = encodes.video.read_bytes()
    first = FragmentReader(encodes.video).finish()[0]
    moof = body[first.offset : first.payload - 8]
    with pytest.raises(WrongOutput, match="a moof without its mdat"):
        read(body[: first.offset] + moof + body[first.offset :], tmp_path)


@PROPERTY
@given(st.binary(max_size=400))
@example(b"")
@example(b"\0\0\0\x01moov")
@example(b"\0\0\0\x08moov")
@example(b"\0\0\0\x08moof\0\0\0\x08mdat")
@example(b"\0\0\0\x01free\0\0\0\0\0\0\0\x08")
def test_junk_is_wrong_output(tmp_path: Path, junk: bytes) -> None:
    with pytest.raises(WrongOutput):
        read(junk, tmp_path)
