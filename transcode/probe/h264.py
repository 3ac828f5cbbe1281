"""Facts of H.264 packets that containers do not give: is it an IDR picture, is it the second field of a frame. Pure.

Takes both forms of packets, length-prefixed (MP4, Matroska) and Annex B (MPEG-TS, AVI). Reads only the first bytes of
a packet and trusts none of them: a packet that cannot be read is neither an IDR picture nor a second field.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

SLICE, IDR_SLICE, SPS = 1, 5, 7  # nal_unit_type, table 7-1
_START_CODE = re.compile(rb"\x00\x00\x01")
_HEAD_BYTES = 65_536
_HIGH_PROFILES = frozenset((100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sps:
    """Fields of a sequence parameter set that are needed to parse the start of a slice header (7.3.2.1.1)."""

    colour_planes: bool
    frame_number_bits: int
    fields: bool  # frames may be coded as two fields


class H264Packets:
    """Classifies the packets of one track, given in decoding order."""

    def __init__(self, extradata: bytes | None) -> None:
        extradata = extradata or b""
        self._length_bytes = (extradata[4] & 3) + 1 if len(extradata) > 6 and extradata[0] == 1 else 0
        parameters = [extradata[8:]] if self._length_bytes else _annex_b(extradata)
        self._sps = next((_sps(unit) for unit in parameters if unit and unit[0] & 31 == SPS), None)
        self._first_field: tuple[int, int] | None = (
            None  # (frame number, field) of a first field whose second is still to come
        )

    @property
    def fields(self) -> bool:
        """Whether frames may be coded as fields; False where every packet is a whole frame."""
        return self._sps is None or self._sps.fields

    def is_idr(self, packet: memoryview) -> bool:
        """Whether the first slice of the packet belongs to an IDR picture."""
        unit = self._first_slice(packet)
        return unit is not None and unit[0] & 31 == IDR_SLICE

    def is_whole(self, packet: memoryview) -> bool:
        """False where a NAL unit is empty or extends beyond the packet, which decoders reject."""
        at, size, prefix = 0, len(packet), self._length_bytes
        if not prefix:
            return True
        while at + prefix <= size:
            unit = int.from_bytes(packet[at : at + prefix])
            if unit == 0:
                return False
            at += prefix + unit
        return at <= size

    def is_second_field(self, packet: memoryview) -> bool:
        """Whether the packet completes the frame that the previous one began. Must be called for every packet."""
        if self._sps is None or not self._sps.fields:
            return False
        unit = self._first_slice(packet)
        field = _field(unit, self._sps) if unit else None
        first, self._first_field = self._first_field, field
        if field is None or first is None or first[0] != field[0] or first[1] == field[1]:
            return False
        self._first_field = None
        return True

    def _first_slice(self, packet: memoryview) -> bytes | None:
        """The start of the packet's first slice, where it lies in its first _HEAD_BYTES; else None."""
        head = bytes(packet[:_HEAD_BYTES])
        units = _length_prefixed(head, self._length_bytes) if self._length_bytes else _annex_b(head)
        return next((unit for unit in units if unit and SLICE <= unit[0] & 31 <= IDR_SLICE), None)


def _annex_b(stream: bytes) -> Iterator[bytes]:
    """NAL units of an Annex B stream, at most 512 bytes each; the last bytes may belong to the next start code."""
    for start_code in _START_CODE.finditer(stream):
        yield stream[start_code.end() : start_code.end() + 512]


def _length_prefixed(stream: bytes, length_bytes: int) -> Iterator[bytes]:
    at = 0
    while at + length_bytes < len(stream):
        size = int.from_bytes(stream[at : at + length_bytes])
        at += length_bytes
        yield stream[at : at + min(size, 512)]
        at += size


class _Bits:
    """Bit reader over a NAL unit without emulation prevention bytes (7.4.1); past the end all bits are zero."""

    def __init__(self, unit: bytes) -> None:
        payload = unit.replace(b"\x00\x00\x03", b"\x00\x00") + bytes(8)
        self._value, self._left = int.from_bytes(payload), len(payload) * 8

    def take(self, count: int) -> int:
        self._left = max(0, self._left - count)
        return self._value >> self._left & (1 << count) - 1

    def golomb(self) -> int:
        """The next unsigned Exp-Golomb number, ue(v) (H.264, 9.1)."""
        zeros = 0
        while zeros < 32 and not self.take(1):
            zeros += 1
        return (1 << zeros) - 1 + self.take(zeros)

    def signed_golomb(self) -> int:
        value = self.golomb()
        return (value + 1) // 2 if value % 2 else -(value // 2)


def _sps(unit: bytes) -> Sps:
    bits = _Bits(unit[1:])
    profile = bits.take(8)
    bits.take(16)
    bits.golomb()
    planes = False
    if profile in _HIGH_PROFILES:
        chroma = bits.golomb()
        planes = chroma == 3 and bool(bits.take(1))
        bits.golomb(), bits.golomb(), bits.take(1)
        if bits.take(1):
            for n in range(12 if chroma == 3 else 8):
                if bits.take(1):
                    _skip_scaling_list(bits, 16 if n < 6 else 64)
    number_bits = min(16, bits.golomb() + 4)
    order = bits.golomb()
    if order == 0:
        bits.golomb()
    elif order == 1:
        bits.take(1), bits.golomb(), bits.golomb()
        for _ in range(min(255, bits.golomb())):
            bits.golomb()
    bits.golomb(), bits.take(1), bits.golomb(), bits.golomb()
    return Sps(colour_planes=planes, frame_number_bits=number_bits, fields=not bits.take(1))


def _skip_scaling_list(bits: _Bits, size: int) -> None:
    last = following = 8
    for _ in range(size):
        if following:
            following = (last + bits.signed_golomb()) % 256
        last = following or last


def _field(unit: bytes, sps: Sps) -> tuple[int, int] | None:
    """(frame number, 0 top or 1 bottom) of a slice of a field; None for one of a frame (7.3.3)."""
    bits = _Bits(unit[1:64])
    bits.golomb(), bits.golomb(), bits.golomb()
    if sps.colour_planes:
        bits.take(2)
    number = bits.take(sps.frame_number_bits)
    return (number, bits.take(1)) if bits.take(1) else None
