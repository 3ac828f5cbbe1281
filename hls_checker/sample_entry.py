"""The sample entry of a track -> its codec as a playlist names it, its size or channels; and its key pictures. Pure.

In: the entry's type and its bytes. Out: `Entry`. Sources: RFC 6381; ISO/IEC 14496-15 (avcC, hvcC and where their NAL
units have their types); AV1 in ISOBMFF and the AV1 bitstream, 5.3 and 5.9; ISO/IEC 14496-3 (AudioSpecificConfig).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_VISUAL_BYTES, _AUDIO_BYTES = 78, 28
_PROTECTED = (b"encv", b"enca")
_PQ, _HLG = 16, 18  # ISO/IEC 23091-2, transfer characteristics
_AV1_FRAMES = (3, 6)  # OBU_FRAME_HEADER, OBU_FRAME
_WHOLE_NAMES = {b"ac-3": "ac-3", b"ec-3": "ec-3", b"Opus": "opus", b"fLaC": "fLaC", b"wvtt": "wvtt"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """`codec` is empty where it is not one that is known here. Sizes and channels are 0 where there are none."""

    type: str
    codec: str
    width: int = 0
    height: int = 0
    channels: int = 0
    video_range: str = "SDR"
    length_bytes: int = 0  # of the field before each NAL unit
    protected: bool = False

    def key_picture(self, sample: bytes) -> bool | None:
        """Is it a picture to begin with? None where that cannot be seen. Raises ValueError for a damaged one."""
        if self.protected:
            return None
        if self.type in ("avc1", "avc3"):
            return _first(unit[0] & 31 for unit in _units(sample, self.length_bytes) if 1 <= unit[0] & 31 <= 5) == 5
        if self.type in ("hvc1", "hev1"):
            kind = _first(unit[0] >> 1 & 63 for unit in _units(sample, self.length_bytes) if unit[0] >> 1 & 63 < 32)
            return kind is not None and 16 <= kind <= 21
        return _av1_key(sample) if self.type == "av01" else None


def sample_entry(kind: str, name: bytes, entry: bytes) -> Entry:
    """Parse a sample entry of type `name`. Raises ValueError, IndexError or struct.error where it is cut off."""
    if kind == "text":
        return Entry(type=name.decode("latin-1"), codec=_WHOLE_NAMES.get(name, ""))
    boxes = dict(_boxes(entry, _VISUAL_BYTES if kind == "video" else _AUDIO_BYTES))
    protected = name in _PROTECTED
    if protected:
        frma = dict(_boxes(boxes[b"sinf"], 0)).get(b"frma") if b"sinf" in boxes else None
        name = frma or name
    if kind == "audio":
        codec, channels = _sound(name, boxes)
        (written,) = struct.unpack_from(">H", entry, 16)
        return Entry(type=name.decode("latin-1"), codec=codec, channels=channels or written, protected=protected)
    width, height = struct.unpack_from(">HH", entry, 24)
    config = boxes.get(b"avcC") or boxes.get(b"hvcC") or b""
    length_at = 4 if b"avcC" in boxes else 21
    return Entry(
        type=name.decode("latin-1"),
        codec=_pictures(name, boxes),
        width=width,
        height=height,
        video_range=_range(boxes),
        length_bytes=(config[length_at] & 3) + 1 if len(config) > length_at else 0,
        protected=protected,
    )


def _pictures(name: bytes, boxes: dict[bytes, bytes]) -> str:
    if name in (b"avc1", b"avc3"):
        return f"{name.decode()}.{boxes[b'avcC'][1:4].hex()}" if b"avcC" in boxes else ""
    if name in (b"hvc1", b"hev1") and b"hvcC" in boxes:
        _, profile, flags, tail, level = struct.unpack_from(">BBI6sB", boxes[b"hvcC"])
        mirrored = sum((flags >> bit & 1) << (31 - bit) for bit in range(32))
        tail = tail.rstrip(b"\0")
        return ".".join(
            [
                name.decode(),
                f"{['', 'A', 'B', 'C'][profile >> 6]}{profile & 31}",
                f"{mirrored:X}",
                f"{'H' if profile & 32 else 'L'}{level}",
                *(f"{byte:X}" for byte in tail),
            ]
        )
    if name == b"av01" and b"av1C" in boxes:
        config = boxes[b"av1C"]
        depth = (12 if config[2] & 0x20 else 10) if config[2] & 0x40 else 8
        return f"av01.{config[1] >> 5}.{config[1] & 31:02d}{'H' if config[2] & 0x80 else 'M'}.{depth:02d}"
    return ""


def _range(boxes: dict[bytes, bytes]) -> str:
    colour = boxes.get(b"colr", b"")
    transfer = int.from_bytes(colour[6:8], "big") if colour[:4] == b"nclx" else 0
    return {_PQ: "PQ", _HLG: "HLG"}.get(transfer, "SDR")


def _sound(name: bytes, boxes: dict[bytes, bytes]) -> tuple[str, int]:
    """(codec, channels); 0 channels where the configuration says none."""
    if name != b"mp4a" or b"esds" not in boxes:
        return _WHOLE_NAMES.get(name, ""), 0
    body = boxes[b"esds"][4:]
    stream = _descriptor(body, 3)
    at = 3 + (2 if stream[2] & 0x80 else 0)
    at += 1 + stream[at] if stream[2] & 0x40 else 0
    at += 2 if stream[2] & 0x20 else 0
    decoder = _descriptor(stream[at:], 4)
    if decoder[0] != 0x40:
        return f"mp4a.{decoder[0]:02X}", 0
    config = int.from_bytes(_descriptor(decoder[13:], 5)[:8].ljust(8, b"\0"), "big")
    bits = _Bits(config, 64)
    object_type = bits.take(5)
    object_type = 32 + bits.take(6) if object_type == 31 else object_type
    if bits.take(4) == 15:
        bits.take(24)
    channels = bits.take(4)
    return f"mp4a.40.{object_type}", 8 if channels == 7 else channels


class _Bits:
    """Reads the bits of a number from the highest down."""

    def __init__(self, value: int, left: int) -> None:
        self._value, self._left = value, left

    def take(self, count: int) -> int:
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)


def _descriptor(body: bytes, tag: int) -> bytes:
    if body[0] != tag:
        raise ValueError(f"descriptor {body[0]} where {tag} belongs")
    size, at, more = 0, 1, True
    while more:
        size, more, at = size << 7 | body[at] & 127, bool(body[at] & 128), at + 1
    return body[at : at + size]


def _boxes(body: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at + 8 <= len(body):
        size, kind = struct.unpack_from(">I4s", body, at)
        if size < 8 or at + size > len(body):
            raise ValueError(f"the box {kind!r} of the sample entry says {size} bytes")
        yield kind, body[at + 8 : at + size]
        at += size


def _units(sample: bytes, length_bytes: int) -> Iterator[bytes]:
    """The first two bytes of each NAL unit."""
    at = 0
    while length_bytes and at < len(sample):
        size = int.from_bytes(sample[at : at + length_bytes], "big")
        at += length_bytes
        if not size or at + size > len(sample):
            raise ValueError(f"a NAL unit says {size} bytes")
        yield sample[at : at + 2]
        at += size


def _first(kinds: Iterator[int]) -> int | None:
    return next(kinds, None)


def _av1_key(sample: bytes) -> bool:
    """Is the first frame a key frame that is shown? Small still pictures' short headers are not expected."""
    at = 0
    while at < len(sample):
        head = sample[at]
        at += 2 if head & 4 else 1
        size, shift, more = len(sample) - at, 0, bool(head & 2)
        if more:
            size = 0
        while more:
            size, more = size | (sample[at] & 127) << shift, bool(sample[at] & 128)
            at, shift = at + 1, shift + 7
        if head >> 3 & 15 in _AV1_FRAMES:
            return sample[at] >> 5 == 0  # neither a repeated frame nor another type than KEY_FRAME
        at += size
    return False
