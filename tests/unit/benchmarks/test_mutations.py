"""benchmarks.fuzz.mutations: every mutated file is made again by its seed, damage reaches all its parts."""

import struct
from random import Random

import pytest

from benchmarks.fuzz.mutations import MOST_BYTES, MOST_MUTATIONS, mutated
from benchmarks.fuzz.parts import parts
from benchmarks.fuzz.trial import make_case
from benchmarks.harness.packet_bomb import packet_bomb

_TIMED = bytes.fromhex("47400010") + bytes.fromhex("000001e00000808005") + bytes.fromhex("2100010001") + bytes(170)
_UNTIMED = bytes.fromhex("47000010") + bytes(184)


def _element(name: str, content: bytes) -> bytes:
    return bytes.fromhex(name) + bytes([0x40 | len(content) >> 8, len(content) & 255]) + content


def _chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content


FILES = {
    "a.mp4": packet_bomb(200),
    "a.mkv": _element("1a45dfa3", _element("4282", b"webm"))
    + _element("18538067", _element("1654ae6b", _element("ae", _element("d7", b"\1")))),
    "a.avi": _chunk(b"RIFF", b"AVI " + _chunk(b"LIST", b"hdrl" + _chunk(b"avih", bytes(56))) + _chunk(b"idx1", b"")),
    "a.ts": (_TIMED + _UNTIMED) * 20,
    "a.m2ts": b"".join(bytes(4) + packet for packet in (_TIMED, _UNTIMED) * 20),
    "a.ogg": (b"OggS" + bytes(23)) * 3,
    "a.raw": bytes(range(256)),
}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.mp4", [b"ftyp", b"mdat", b"moov", b"mvhd", b"trak", b"tkhd", b"mdia", b"mdhd", b"hdlr"]),
        ("a.mkv", [b"\x1a\x45\xdf\xa3", b"\x42\x82", b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\xd7"]),
        ("a.avi", [b"RIFF", b"LIST", b"avih", b"idx1"]),
        ("a.ts", [b"start", b"packet"] * 20),
        ("a.m2ts", [b"start", b"packet"] * 20),
        ("a.ogg", [b"page"] * 3),
        ("a.raw", []),
    ],
)
def test_what_a_file_consists_of(name: str, found: list[bytes]) -> None:
    content = FILES[name]
    all_parts = parts(content)
    assert [part.name for part in all_parts][: len(found)] == found
    assert len(all_parts) == len(found) or name == "a.mp4"
    assert sum(part.end - part.start for part in all_parts) >= len(content) or not found


def test_tables_of_samples_are_reached() -> None:
    assert {b"stsd", b"stts", b"stsc", b"stsz", b"stco", b"jpeg"} <= {part.name for part in parts(FILES["a.mp4"])}


@pytest.mark.parametrize("name", FILES)
def test_a_mutation_is_made_again_by_its_seed(name: str) -> None:
    others = list(FILES.values())
    several = [mutated(FILES[name], others, Random(seed)) for seed in range(100)]
    for seed, made in enumerate(several):
        assert made == mutated(FILES[name], others, Random(seed))
        assert 1 <= len(made.done) <= MOST_MUTATIONS
        assert 1 <= len(made.content) <= MOST_BYTES
    assert len({made.content for made in several}) > 70, "other seeds, other files"
    assert sum(made.content != FILES[name] for made in several) > 80


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("a.mp4", "size of b'stsz'"),
        ("a.mp4", "b'tkhd' at"),
        ("a.mp4", "renamed"),
        ("a.mkv", "size of"),
        ("a.avi", "b'avih' at"),
        ("a.ts", "time stamps moved"),
        ("a.m2ts", "time stamps moved"),
        ("a.ogg", "b'page' at"),
        ("a.raw", "bits flipped"),
    ],
)
def test_damage_reaches(name: str, what: str) -> None:
    several = (mutated(FILES[name], [], Random(seed)) for seed in range(2000))
    assert any(what in word for made in several for word in made.done)


def test_moved_time_stamps_are_time_stamps() -> None:
    """All that is moved keeps the bits around it, and no other byte changes."""
    found = 0
    for seed in range(150):
        made = mutated(FILES["a.ts"], [], Random(seed))
        if len(made.done) == 1 and "time stamps moved" in made.done[0]:
            found += 1
            assert len(made.content) == len(FILES["a.ts"])
            for at in range(0, len(made.content), 2 * 188):
                packet = made.content[at : at + 188]
                assert packet[:13] == _TIMED[:13]
                assert packet[13] & 0xF1 == 0x21
                assert packet[15] & packet[17] & 1 == 1
                assert packet[18:] == _TIMED[18:]
    assert found


def test_a_case_is_made_again_by_its_number() -> None:
    cases = [make_case(FILES, 5, number) for number in range(200)]
    assert cases == [make_case(FILES, 5, number) for number in range(200)]
    assert cases != [make_case(FILES, 6, number) for number in range(200)]
    assert {case.name for case in cases} == set(FILES)
    assert {case.encoded for case in cases} == {True, False}
    again = make_case(FILES, 5, 17, encoded=True)
    assert again.encoded
    assert again.content == cases[17].content
