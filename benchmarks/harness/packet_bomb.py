"""A small MP4 of very many packets: a video track of one byte per sample, of which a probe reads every single one.

ISO/IEC 14496-12: all samples lie in one chunk, have one size and one duration, so their tables have one entry each.
"""

import struct

TIMESCALE = 90_000
WIDTH, HEIGHT = 320, 240
_MATRIX = struct.pack(">9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)


def packet_bomb(packets: int) -> bytes:
    """An MP4 of about as many bytes as it has packets."""
    head = _box(b"ftyp", b"isom" + struct.pack(">I", 0x200) + b"isommp41")
    data = _box(b"mdat", bytes(packets))
    return head + data + _moov(packets, len(head) + 8)


def _moov(packets: int, offset: int) -> bytes:
    entry = (
        bytes(6) + struct.pack(">H", 1) + bytes(16) + struct.pack(">HHIIIH", WIDTH, HEIGHT, 72 << 16, 72 << 16, 0, 1)
    )
    sample_entry = _box(b"jpeg", entry + bytes(32) + struct.pack(">Hh", 24, -1))
    table = _box(
        b"stbl",
        _full(b"stsd", struct.pack(">I", 1) + sample_entry),
        _full(b"stts", struct.pack(">III", 1, packets, 1)),
        _full(b"stsc", struct.pack(">IIII", 1, 1, packets, 1)),
        _full(b"stsz", struct.pack(">II", 1, packets)),
        _full(b"stco", struct.pack(">II", 1, offset)),
    )
    data_reference = _box(b"dinf", _full(b"dref", struct.pack(">I", 1) + _full(b"url ", b"", flags=1)))
    media = _box(
        b"mdia",
        _full(b"mdhd", struct.pack(">IIIIHH", 0, 0, TIMESCALE, packets, 0x55C4, 0)),
        _full(b"hdlr", bytes(4) + b"vide" + bytes(13)),
        _box(b"minf", _full(b"vmhd", bytes(8), flags=1), data_reference, table),
    )
    header = (
        struct.pack(">IIIII", 0, 0, 1, 0, packets) + bytes(16) + _MATRIX + struct.pack(">II", WIDTH << 16, HEIGHT << 16)
    )
    movie = struct.pack(">IIIIIH", 0, 0, TIMESCALE, packets, 0x10000, 0x100) + bytes(10) + _MATRIX + bytes(24)
    return _box(
        b"moov", _full(b"mvhd", movie + struct.pack(">I", 2)), _box(b"trak", _full(b"tkhd", header, flags=3), media)
    )


def _box(kind: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _full(kind: bytes, body: bytes, flags: int = 0) -> bytes:
    return _box(kind, struct.pack(">I", flags) + body)
