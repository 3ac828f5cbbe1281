"""Finds the tracks of an MP4 file that are Dolby Vision without a compatible base layer, which other decoders show in
wrong colours.

Reads the `dvcC`, `dvvC` or `dvwC` box of each track's sample entry ("Dolby Vision Streams Within the ISO Base Media
File Format", 3.2); reads nothing but the boxes on the way. Unreadable boxes are ignored.
"""

from itertools import islice
from pathlib import Path

from core.media.mp4_boxes import BoxFault, boxes, find_all

_VISUAL_ENTRY_BYTES = 78  # of a VisualSampleEntry before its boxes, ISO 14496-12 12.1.3
_RECORDS = (b"dvcC", b"dvvC", b"dvwC")
_WITH_BASE = (4, 7, 9)  # profiles whose base layer is SDR or HDR10 by definition, whatever the record says
MAX_BOXES, MAX_STSD_BYTES = 10_000, 65_536


def without_base(path: Path) -> frozenset[int]:
    """Numbers of the tracks, counted from 0 in file order, whose Dolby Vision base layer is not SDR or HDR10."""
    numbers = set[int]()
    try:
        with path.open("rb") as file:
            top = islice(boxes(file, 0, path.stat().st_size, clip=True), MAX_BOXES)
            moov = next((box for box in top if box.kind == b"moov"), None)
            tracks = [] if moov is None else find_all(file, moov.body, moov.end, b"trak", clip=True)
            for number, track in enumerate(tracks):
                for stsd in find_all(file, track.body, track.end, b"mdia", b"minf", b"stbl", b"stsd", clip=True):
                    file.seek(stsd.body)
                    if _is_without_base(file.read(min(stsd.end - stsd.body, MAX_STSD_BYTES))):
                        numbers.add(number)
    except BoxFault:
        pass  # a damaged upload: tracks found so far count
    return frozenset(numbers)


def _is_without_base(descriptions: bytes) -> bool:
    """Whether the first sample entry in `descriptions`, the content of an stsd box, has no compatible base layer."""
    entry = next(boxes(descriptions, 8, len(descriptions), clip=True), None)
    if entry is None:
        return False
    for box in boxes(descriptions, entry.body + _VISUAL_ENTRY_BYTES, entry.end, clip=True):
        record = descriptions[box.body : box.end]
        if box.kind in _RECORDS and len(record) >= 5:
            profile, compatibility = record[2] >> 1, record[4] >> 4
            return compatibility == 0 and profile not in _WITH_BASE
    return False
