"""transcode.probe.parameters: every change of the coding parameters inside a track is counted, and nothing else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transcode.probe.parameters import ParameterChanges

# Sequence parameter sets of x264: 640x360 and 480x270, both with id 0; and one with id 1.
LARGE = bytes.fromhex("6764001eacd940a02ff9610000030001000003003204")
SMALL = bytes.fromhex("67640015acd941e08fea2100000300010000030032")
OTHER = bytes.fromhex("6764001e56d940a02ff9610000030001000003003204")
SLICE = b"\x65\x88\x84" + bytes(40)
HEVC_SPS, HEVC_SLICE = b"\x42\x01\x01\x60", b"\x26\x01\xaf" + bytes(30)


class Packet(bytes):
    """A packet of PyAV, as far as it is read."""

    extradata: bytes | None = None

    def has_sidedata(self, kind: str) -> bool:
        return kind == "new_extradata" and self.extradata is not None

    def get_sidedata(self, _: str) -> bytes:
        return self.extradata or b""


def avcc(*sets: bytes) -> bytes:
    listed = b"".join(len(one).to_bytes(2) + one for one in sets)
    return b"\x01\x64\x00\x1e\xff" + bytes([0xE0 | len(sets)]) + listed + b"\x01\x00\x04\x68\xee\x3c\x80"


def annex_b(*units: bytes) -> Packet:
    return Packet(b"".join(b"\0\0\0\1" + unit for unit in units))


def sized(*units: bytes) -> Packet:
    return Packet(b"".join(len(unit).to_bytes(4) + unit for unit in units))


def described(extradata: bytes) -> Packet:
    packet = sized(SLICE)
    packet.extradata = extradata
    return packet


def adts(sample_rate: int, channels: int) -> Packet:
    return Packet(bytes((0xFF, 0xF1, 0x40 | sample_rate << 2 | channels >> 2, channels << 6 & 0xC0, 0, 0x1F, 0xFC, 0)))


def vp8(width: int) -> Packet:
    return Packet(b"\x10\0\0\x9d\x01\x2a" + width.to_bytes(2, "little") + b"\x68\x01" + bytes(20))


def mpeg2(aspect: int) -> Packet:
    return Packet(b"\0\0\1\xb3\x2d\x02\x40" + bytes([aspect << 4 | 3]) + bytes(30))


def mp3(second: int, third: int) -> Packet:
    return Packet(bytes((0xFF, 0xFB, second, third)) + bytes(400))


@pytest.mark.parametrize(
    ("codec", "extradata", "packets", "changes"),
    [
        ("h264", b"", [annex_b(LARGE, SLICE), annex_b(SLICE), annex_b(LARGE, SLICE)], 0),
        ("h264", b"", [annex_b(LARGE, SLICE), annex_b(SMALL, SLICE), annex_b(LARGE, SLICE)], 2),
        ("h264", b"\0\0\0\1" + LARGE, [annex_b(SMALL, SLICE)], 1),
        ("h264", avcc(LARGE), [sized(SLICE), sized(LARGE, SLICE)], 0),
        ("h264", avcc(LARGE), [sized(SLICE), sized(SMALL, SLICE)], 1),
        ("h264", avcc(LARGE), [described(avcc(SMALL)), described(avcc(LARGE))], 2),
        ("h264", avcc(LARGE), [described(avcc(LARGE))], 0),
        ("h264", avcc(LARGE, OTHER), [sized(SLICE)], 1),
        ("h264", avcc(LARGE), [sized(SLICE, SMALL)], 0),  # behind the slice: not of this picture
        ("hevc", b"", [annex_b(HEVC_SPS, HEVC_SLICE), annex_b(HEVC_SPS + b"x", HEVC_SLICE)], 1),
        ("hevc", b"", [annex_b(HEVC_SPS, HEVC_SLICE), annex_b(HEVC_SPS, HEVC_SLICE)], 0),
        ("vp8", None, [vp8(640), Packet(b"\x11" + bytes(30)), vp8(480), vp8(640)], 2),
        ("mpeg2video", None, [mpeg2(2), Packet(b"\0\0\1\0" + bytes(20)), mpeg2(3)], 1),
        ("aac", None, [adts(3, 2), adts(3, 2), adts(4, 2)], 1),
        ("aac", None, [adts(3, 2), adts(3, 1)], 1),
        ("aac", b"\x11\x90", [described(b"\x12\x10")], 1),
        ("mp3", None, [mp3(0x90, 0), mp3(0x92, 0x40)], 0),  # another bit rate, joint stereo
        ("mp3", None, [mp3(0x90, 0), mp3(0x94, 0)], 1),
        ("mp3", None, [mp3(0x90, 0), mp3(0x90, 0xC0)], 1),
        ("prores", b"one", [described(b"two")], 1),
        ("prores", None, [described(b"first")], 0),
    ],
)
def test_changes(codec: str, extradata: bytes | None, packets: list[Packet], changes: int) -> None:
    track = ParameterChanges(codec, extradata)
    for packet in packets:
        track.add(packet)
    assert track.count == changes


@given(st.sampled_from(["h264", "hevc", "vp8", "mpeg2video", "aac", "mp3"]), st.binary(max_size=60), st.data())
def test_any_bytes_are_read(codec: str, extradata: bytes, data: Any) -> None:
    track = ParameterChanges(codec, extradata)
    for content in data.draw(st.lists(st.binary(max_size=60), max_size=4)):
        track.add(Packet(content))
    assert track.count >= 0
