"""First sample entry of a track -> its RFC 6381 codec string, as playlists and manifests name it. Pure.

Refuses (ValueError) sample entries other than H.264, HEVC, AV1 and MPEG-4 audio, and truncated ones.
Sources: RFC 6381; ISO/IEC 14496-15 annex E (avcC, hvcC); AV1 in ISOBMFF, section 5 (av1C); ISO/IEC 14496-14 (esds).
"""

import struct

from core.media.mp4_boxes import BoxFault, boxes

_VISUAL_BYTES, _AUDIO_BYTES = 78, 28  # fields of a VisualSampleEntry and an AudioSampleEntry before their boxes
_ESCAPED_OBJECT_TYPE = 31
_ES, _DECODER_CONFIG, _DECODER_SPECIFIC = 3, 4, 5  # descriptor tags
_MPEG4_AUDIO = 0x40


def codec_string(entry_type: bytes, entry: bytes) -> str:
    """Codec string of a sample entry of this type; `entry` is what follows its box header. Raises ValueError."""
    try:
        if entry_type in (b"avc1", b"avc3"):
            return f"{entry_type.decode()}.{_child(entry, _VISUAL_BYTES, b'avcC', least=4)[1:4].hex()}"
        if entry_type in (b"hvc1", b"hev1"):
            return f"{entry_type.decode()}.{_hevc(_child(entry, _VISUAL_BYTES, b'hvcC', least=13))}"
        if entry_type == b"av01":
            return f"av01.{_av1(_child(entry, _VISUAL_BYTES, b'av1C', least=4), _nclx(entry))}"
        if entry_type == b"mp4a":
            return f"mp4a.{_mpeg4_audio(_child(entry, _AUDIO_BYTES, b'esds', least=5)[4:])}"
    except BoxFault as exc:
        raise ValueError(f"in the sample entry {entry_type!r} {exc}") from exc
    except (IndexError, struct.error) as exc:
        raise ValueError(f"the sample entry {entry_type!r} is cut off") from exc
    raise ValueError(f"no codec string is known for the sample entry {entry_type!r}")


def _child(entry: bytes, start: int, kind: bytes, *, least: int) -> bytes:
    """Content of the first box of a kind, of `least` bytes or more; the boxes of the entry begin at `start`."""
    for box in boxes(entry, start, len(entry)):
        if box.kind == kind:
            if box.end - box.body < least:
                raise ValueError(f"the box {kind!r} has {box.end - box.body} bytes, at least {least} are needed")
            return entry[box.body : box.end]
    raise ValueError(f"the sample entry has no box {kind!r}")


def _hevc(config: bytes) -> str:
    """Profile space and profile, compatibility flags, tier and level, constraint bytes without trailing zeros."""
    space, tier, profile = config[1] >> 6, config[1] >> 5 & 1, config[1] & 0x1F
    compatible = int(f"{int.from_bytes(config[2:6], 'big'):032b}"[::-1], 2)  # written from the lowest bit up
    constraints = [f".{byte:X}" for byte in config[6:12].rstrip(b"\0")]
    return f"{('', 'A', 'B', 'C')[space]}{profile}.{compatible:X}.{'LH'[tier]}{config[12]}{''.join(constraints)}"


def _av1(config: bytes, nclx: tuple[int, int, int, int] | None) -> str:
    """Profile, level and tier, bit depth; the optional rest, all or nothing, where it is not the default."""
    profile, level = config[1] >> 5, config[1] & 0x1F
    tier, deep, twelve, mono, sub_x, sub_y = (config[2] >> bit & 1 for bit in (7, 6, 5, 4, 3, 2))
    short = f"{profile}.{level:02}{'MH'[tier]}.{(12 if twelve else 10) if deep else 8:02}"
    primaries, transfer, matrix, full_range = nclx or (1, 1, 1, 0)
    if (mono, sub_x, sub_y, primaries, transfer, matrix, full_range) == (0, 1, 1, 1, 1, 1, 0):
        return short
    position = config[2] & 3 if sub_x and sub_y else 0
    return f"{short}.{mono}.{sub_x}{sub_y}{position}.{primaries:02}.{transfer:02}.{matrix:02}.{full_range}"


def _nclx(entry: bytes) -> tuple[int, int, int, int] | None:
    """Colour primaries, transfer, matrix and full range of the entry's colr box, None where it has none."""
    for box in boxes(entry, _VISUAL_BYTES, len(entry)):
        if box.kind == b"colr" and entry[box.body : box.body + 4] == b"nclx":
            primaries, transfer, matrix, flags = struct.unpack_from(">HHHB", entry[: box.end], box.body + 4)
            return primaries, transfer, matrix, flags >> 7
    return None


def _mpeg4_audio(descriptors: bytes) -> str:
    """Object type indication in hex; for MPEG-4 audio also the audio object type: 40.2 is AAC-LC."""
    body = _descriptor(descriptors, _ES)
    flags = body[2]
    at = 3 + (2 if flags & 0x80 else 0)  # depends on another stream
    at += 1 + body[at] if flags & 0x40 else 0  # has a URL
    at += 2 if flags & 0x20 else 0  # has a clock stream
    config = _descriptor(body[at:], _DECODER_CONFIG)
    if config[0] != _MPEG4_AUDIO:
        return f"{config[0]:02X}"
    specific = _descriptor(config[13:], _DECODER_SPECIFIC)
    object_type = specific[0] >> 3
    if object_type == _ESCAPED_OBJECT_TYPE:
        object_type = 32 + ((specific[0] & 7) << 3 | specific[1] >> 5)
    return f"{_MPEG4_AUDIO:x}.{object_type}"


def _descriptor(descriptors: bytes, tag: int) -> bytes:
    """Body of the descriptor that comes first, which must be of this tag. Its size is in base 128, 7 bits a byte."""
    size, at = 0, 1
    while True:
        size = size << 7 | descriptors[at] & 0x7F
        at += 1
        if not descriptors[at - 1] & 0x80:
            break
    if descriptors[0] != tag or at + size > len(descriptors):
        raise ValueError(f"the audio configuration has descriptor {descriptors[0]} of {size} bytes, not {tag}")
    return descriptors[at : at + size]
