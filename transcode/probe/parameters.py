"""Counts how often the coding parameters of a track change inside it: size, profile, sample rate, channels. Pure.

Containers declare parameters once, and a rendition may have only one set of them: a track that changes cannot be
delivered as it is. Reads the first bytes of each packet and trusts none of them; what it does not understand is no
change. In: packets of PyAV in decoding order. Counted are new sample descriptions and extradata (any codec), and
parameters inside packets of H.264, HEVC, MPEG-2, VP8, AAC in ADTS and MPEG audio.
"""

import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

_HEAD_BYTES = 4096  # parameter sets come before the first slice
_START_CODE = re.compile(rb"\x00\x00\x01")
_SPS_H264, _SPS_HEVC = 7, 33
_VP8_START = b"\x9d\x01\x2a"


class ParameterChanges:
    """The changes of one track so far, in `count`."""

    def __init__(self, codec: str, extradata: bytes | None) -> None:
        self.count = 0
        self._extradata = extradata or b""
        self._read = _READERS.get(codec)
        self._lengths = self._length_bytes()
        self._known: dict[int, bytes] = {}
        if self._read and codec == "h264":
            self._compare(_h264_extradata(self._extradata))
            self.count = max(0, len(self._known) - 1)  # several sets declared: pictures may use either

    def _length_bytes(self) -> int:
        """Size of the length before each NAL unit; 0 where packets have start codes."""
        extradata = self._extradata
        if len(extradata) < 5 or extradata[0] != 1:
            return 0
        return (extradata[21] if len(extradata) > 22 and self._read is _hevc else extradata[4]) % 4 + 1

    def add(self, packet: Any) -> None:
        """Take the next packet of the track into account."""
        if packet.has_sidedata("new_extradata"):
            extradata = bytes(packet.get_sidedata("new_extradata"))
            if extradata != self._extradata:
                self.count += bool(self._extradata)
                self._extradata = extradata
                self._known.clear()
                self._lengths = self._length_bytes()
        if self._read is not None:
            self._compare(self._read(memoryview(packet)[:_HEAD_BYTES], self._lengths))

    def _compare(self, sets: dict[int, bytes]) -> None:
        for number, content in sets.items():
            if self._known and self._known.get(number) != content:
                self.count += 1
            self._known[number] = content


def _h264_extradata(extradata: bytes) -> dict[int, bytes]:
    """The sequence parameter sets of an avcC box (ISO/IEC 14496-15, 5.3.3.1) or of Annex B extradata."""
    if extradata[:1] != b"\x01":
        return _h264(memoryview(extradata), 0)
    sets: dict[int, bytes] = {}
    at = 6
    for _ in range(extradata[5] & 31 if len(extradata) > 6 else 0):
        size = int.from_bytes(extradata[at : at + 2])
        _note(sets, extradata[at + 2 : at + 2 + size])
        at += 2 + size
    return sets


def _h264(head: memoryview, lengths: int) -> dict[int, bytes]:
    sets: dict[int, bytes] = {}
    for unit in _units(head, lengths, lambda first: first & 31 == _SPS_H264, lambda first: 1 <= first & 31 <= 5):
        _note(sets, unit)
    return sets


def _note(sets: dict[int, bytes], unit: bytes) -> None:
    """Put a sequence parameter set of H.264 under its id, a ue(v) after three bytes of profile and level."""
    if len(unit) < 5:
        return
    bits = f"{int.from_bytes(unit[4:9]):0{8 * len(unit[4:9])}b}"
    zeros = len(bits) - len(bits.lstrip("0"))
    sets[int(bits[zeros : 2 * zeros + 1] or "1", 2) - 1] = bytes(unit).rstrip(b"\0")


def _hevc(head: memoryview, lengths: int) -> dict[int, bytes]:
    units = _units(head, lengths, lambda first: first >> 1 & 63 == _SPS_HEVC, lambda first: first >> 1 & 63 < 32)
    return {0: units[0].rstrip(b"\0")} if units else {}


def _units(
    head: memoryview, lengths: int, wanted: Callable[[int], bool], is_slice: Callable[[int], bool]
) -> list[bytes]:
    """The wanted NAL units before the first slice."""
    units = []
    if lengths:
        at = 0
        while at + lengths < len(head):
            size = int.from_bytes(head[at : at + lengths])
            at += lengths
            if is_slice(head[at]):
                break
            if wanted(head[at]) and at + size <= len(head):
                units.append(bytes(head[at : at + size]))
            at += size
        return units
    stream = bytes(head)
    starts = [found.end() for found in _START_CODE.finditer(stream)]
    for start, following in pairwise([*starts, len(stream) + 3]):
        if start >= len(stream) or is_slice(stream[start]):
            break
        if wanted(stream[start]):
            units.append(stream[start : following - 3])
    return units


def _mpeg2(head: memoryview, _: int) -> dict[int, bytes]:
    """Size, aspect ratio and frame rate of a sequence header (ISO/IEC 13818-2, 6.2.2.1)."""
    return {0: bytes(head[4:8])} if bytes(head[:4]) == b"\0\0\1\xb3" and len(head) > 8 else {}


def _vp8(head: memoryview, _: int) -> dict[int, bytes]:
    """The size in a key frame's header (RFC 6386, 9.1)."""
    return {0: bytes(head[6:10])} if len(head) > 10 and not head[0] & 1 and bytes(head[3:6]) == _VP8_START else {}


def _aac(head: memoryview, _: int) -> dict[int, bytes]:
    """Object type, sample rate and channels of an ADTS header (ISO/IEC 14496-3, 1.A.2.2)."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return {}
    return {0: bytes((head[2] & 0xFD, head[3] & 0xC0))}


def _mpeg_audio(head: memoryview, _: int) -> dict[int, bytes]:
    """Version, layer, sample rate, and whether it is mono, of a frame's header (ISO/IEC 11172-3, 2.4.1.3)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return {}
    return {0: bytes((head[1] & 0x1E, head[2] & 0x0C, head[3] >> 6 == 3))}


_READERS: dict[str, Callable[[memoryview, int], dict[int, bytes]]] = {
    **{"h264": _h264, "hevc": _hevc, "mpeg2video": _mpeg2, "mpeg1video": _mpeg2, "vp8": _vp8},
    **{"aac": _aac, "mp1": _mpeg_audio, "mp2": _mpeg_audio, "mp3": _mpeg_audio},
}
