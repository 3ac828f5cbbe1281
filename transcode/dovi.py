"""An MP4 file -> which of its tracks are Dolby Vision that plain decoders show in wrong colours.

Reads the `dvcC`, `dvvC` or `dvwC` box of each track's sample entry ("Dolby Vision Streams Within the ISO Base Media
File Format", 3.2); never more than the boxes on the way. Anything unreadable says nothing.
"""

from collections.abc import Iterator
from io import BufferedIOBase
from pathlib import Path

_CONTAINERS = (b"moov", b"trak", b"mdia", b"minf", b"stbl")
_RECORDS = (b"dvcC", b"dvvC", b"dvwC")
_VISUAL_ENTRY_BYTES = 78  # of a VisualSampleEntry before its boxes, ISO 14496-12 12.1.3
_WITH_BASE = (4, 7, 9)  # profiles whose base layer is SDR or HDR10 by definition, whatever the record says
MAX_BOXES, MAX_STSD_BYTES = 10_000, 65_536


def without_base(path: Path) -> frozenset[int]:
    """Track numbers, counted from 0 as they come, whose base layer is compatible with nothing."""
    found = set[int]()
    with path.open("rb") as file:
        size = path.stat().st_size
        tracks = [(at, end) for name, at, end in _inside(file, 0, size, (b"moov",)) if name == b"trak"]
        for number, (at, end) in enumerate(tracks):
            for name, start, stop in _inside(file, at, end, _CONTAINERS):
                if name == b"stsd":
                    file.seek(start)
                    if _is_without_base(file.read(min(stop - start, MAX_STSD_BYTES))):
                        found.add(number)
    return frozenset(found)


def _inside(file: BufferedIOBase, at: int, end: int, within: tuple[bytes, ...]) -> Iterator[tuple[bytes, int, int]]:
    """(name, start of its content, end) of the boxes between `at` and `end`, and of those inside the ones `within`."""
    open_until = [(at, end)]
    for _ in range(MAX_BOXES):
        while open_until and open_until[-1][1] - open_until[-1][0] < 8:
            open_until.pop()
        if not open_until:
            return
        at, end = open_until.pop()
        file.seek(at)
        head = file.read(16)
        size, name, header = int.from_bytes(head[:4]), head[4:8], 8
        if size == 1:
            size, header = int.from_bytes(head[8:16]), 16
        stop = end if size == 0 else min(end, at + size)
        if stop < at + header:
            return
        open_until.append((stop, end))
        yield name, at + header, stop
        if name in within:
            open_until.append((at + header, stop))


def _is_without_base(descriptions: bytes) -> bool:
    """`descriptions` is the content of an stsd box: its first sample entry counts."""
    entry = descriptions[8 : 8 + int.from_bytes(descriptions[8:12])]
    at = 8 + _VISUAL_ENTRY_BYTES
    while at + 8 <= len(entry):
        size, name = int.from_bytes(entry[at : at + 4]), entry[at + 4 : at + 8]
        record = entry[at + 8 : at + size]
        if name in _RECORDS and len(record) >= 5:
            profile, compatibility = record[2] >> 1, record[4] >> 4
            return compatibility == 0 and profile not in _WITH_BASE
        at += max(8, size)
    return False
