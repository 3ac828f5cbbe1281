"""transcode.encode.codec_string: sample entries as bytes -> codec strings, and whatever is not one is a ValueError."""

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.encode.codec_string import codec_string

VISUAL, AUDIO = bytes(78), bytes(28)
AVCC = bytes.fromhex("01640028ff")
HVCC_MAIN = bytes.fromhex("01 01 60000000 900000000000 5d f000fc")
AV1C = bytes.fromhex("81 05 0c 00")


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def descriptor(tag: int, body: bytes) -> bytes:
    """With a size of four bytes, as ffmpeg writes it."""
    return bytes([tag, 0x80, 0x80, 0x80, len(body)]) + body


def esds(specific: bytes, *, object_type: int = 0x40, flags: int = 0, optional: bytes = b"") -> bytes:
    config = descriptor(4, bytes([object_type, 0x15]) + bytes(11) + (descriptor(5, specific) if specific else b""))
    return box(b"esds", bytes(4) + descriptor(3, bytes([0, 1, flags]) + optional + config + descriptor(6, b"\2")))


@pytest.mark.parametrize(
    ("kind", "config", "expected"),
    [
        (b"avc1", box(b"avcC", AVCC), "avc1.640028"),
        (b"avc3", box(b"avcC", bytes.fromhex("0142e01fff")), "avc3.42e01f"),
        # other boxes stand around the configuration
        (b"avc1", box(b"pasp", bytes(8)) + box(b"avcC", AVCC) + box(b"btrt", bytes(12)), "avc1.640028"),
        (b"hvc1", box(b"hvcC", HVCC_MAIN), "hvc1.1.6.L93.90"),
        # ISO/IEC 14496-15 E.3: compatibility flags from the lowest bit up, trailing zero constraint bytes left out
        (b"hev1", box(b"hvcC", bytes.fromhex("01 22 20000000 b00000000000 99")), "hev1.2.4.H153.B0"),
        (b"hvc1", box(b"hvcC", bytes.fromhex("01 41 60000000 000000000000 5a")), "hvc1.A1.6.L90"),
        (b"hvc1", box(b"hvcC", bytes.fromhex("01 04 08000000 9d0800000000 78")), "hvc1.4.10.L120.9D.8"),
        (b"hvc1", box(b"hvcC", bytes.fromhex("01 01 60000000 900000000001 5d")), "hvc1.1.6.L93.90.0.0.0.0.1"),
        (b"av01", box(b"av1C", AV1C), "av01.0.05M.08"),
        (b"av01", box(b"av1C", bytes.fromhex("81 0d cc 00")), "av01.0.13H.10"),
        # AV1 in ISOBMFF, section 5: all optional fields or none
        (b"av01", box(b"av1C", bytes.fromhex("81 04 1c 00")), "av01.0.04M.08.1.110.01.01.01.0"),
        (b"av01", box(b"av1C", bytes.fromhex("81 45 60 00")), "av01.2.05M.12.0.000.01.01.01.0"),
        (
            b"av01",
            box(b"av1C", bytes.fromhex("81 04 4e 00")) + box(b"colr", b"nclx" + bytes([0, 9, 0, 16, 0, 9, 0])),
            "av01.0.04M.10.0.112.09.16.09.0",
        ),
        (b"av01", box(b"av1C", AV1C) + box(b"colr", b"nclx" + bytes([0, 1, 0, 1, 0, 1, 0])), "av01.0.05M.08"),
        (b"av01", box(b"colr", b"prof" + bytes(9)) + box(b"av1C", AV1C), "av01.0.05M.08"),
        (
            b"av01",
            box(b"av1C", AV1C) + box(b"colr", b"nclx" + bytes([0, 1, 0, 1, 0, 1, 0x80])),
            "av01.0.05M.08.0.110.01.01.01.1",
        ),
        (b"mp4a", esds(b"\x11\x90"), "mp4a.40.2"),
        (b"mp4a", esds(b"\x2b\x92\x08\x00"), "mp4a.40.5"),
        (b"mp4a", esds(b"\xf9\x48\x40"), "mp4a.40.42"),  # escaped: 32 + 10
        (b"mp4a", esds(b"", object_type=0x6B), "mp4a.6B"),
        (b"mp4a", esds(b"\x11\x90", flags=0xE0, optional=b"\0\2" + b"\3url" + b"\0\7"), "mp4a.40.2"),
    ],
)
def test_codec_string(kind: bytes, config: bytes, expected: str) -> None:
    assert codec_string(kind, (AUDIO if kind == b"mp4a" else VISUAL) + config) == expected


@pytest.mark.parametrize(
    ("kind", "entry", "why"),
    [
        (b"vp09", VISUAL, "no codec string is known for the sample entry b'vp09'"),
        (b"encv", VISUAL + box(b"avcC", AVCC), "no codec string is known"),
        (b"avc1", VISUAL, "has no box b'avcC'"),
        (b"avc1", b"", "has no box b'avcC'"),
        (b"hvc1", VISUAL + box(b"avcC", AVCC), "has no box b'hvcC'"),
        (b"avc1", VISUAL + box(b"avcC", b"\1\x64"), "has 2 bytes, at least 4 are needed"),
        (b"avc1", VISUAL + box(b"avcC", AVCC)[:-1], "says 13 bytes"),
        (b"avc1", VISUAL + bytes(8), "says 0 bytes"),
        (b"avc1", VISUAL + b"\0\0", "has no box b'avcC'"),
        (b"mp4a", AUDIO + box(b"esds", bytes(4) + b"\3\x80\x80"), "at least 5 are needed|is cut off"),
        (b"mp4a", AUDIO + box(b"esds", bytes(4) + descriptor(4, b"")), "has descriptor 4 of 0 bytes, not 3"),
        (b"mp4a", AUDIO + esds(b""), "has descriptor 6|is cut off"),
    ],
)
def test_refuses(kind: bytes, entry: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        codec_string(kind, entry)


@given(
    st.sampled_from([(b"avc1", b"avcC"), (b"hvc1", b"hvcC"), (b"av01", b"av1C"), (b"mp4a", b"esds")]),
    st.binary(max_size=40),
    st.binary(max_size=12),
)
def test_any_bytes_are_a_string_or_a_value_error(kinds: tuple[bytes, bytes], config: bytes, rest: bytes) -> None:
    entry = (AUDIO if kinds[0] == b"mp4a" else VISUAL) + box(kinds[1], config) + rest
    with contextlib.suppress(ValueError):
        assert codec_string(kinds[0], entry).startswith(kinds[0].decode() + ".")
