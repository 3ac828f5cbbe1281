"""Finds the tracks of an MP4 file that are Dolby Vision without a compatible base layer, which other decoders show in
wrong colours.

Reads the `dvcC`, `dvvC` or `dvwC` box of each track's sample entry ("Dolby Vision Streams Within the ISO Base Media
File Format", 3.2); reads nothing but the boxes on the way. Unreadable boxes are ignored.
"""

from pathlib import Path

from core.media.mp4_boxes import Box, BoxFault, boxes
from transcode.probe.sample_descriptions import sample_descriptions

_VISUAL_ENTRY_BYTES = 78  # of a VisualSampleEntry before its boxes, ISO 14496-12 12.1.3
_RECORDS = (b"dvcC", b"dvvC", b"dvwC")
_WITH_BASE = (4, 7, 9)  # profiles whose base layer is SDR or HDR10 by definition, whatever the record says


def without_base(path: Path) -> frozenset[int]:
    """Numbers of the tracks, counted from 0 in file order, whose Dolby Vision base layer is not SDR or HDR10."""
    return frozenset(
        number
        for number, content, entries in sample_descriptions(path)
        if entries and _is_without_base(content, entries[0])
    )


def _is_without_base(content: bytes, entry: Box) -> bool:
    """Whether a sample entry in `content` says that it has no compatible base layer."""
    try:
        for box in boxes(content, entry.body + _VISUAL_ENTRY_BYTES, entry.end, clip=True):
            record = content[box.body : box.end]
            if box.kind in _RECORDS and len(record) >= 5:
                profile, compatibility = record[2] >> 1, record[4] >> 4
                return compatibility == 0 and profile not in _WITH_BASE
    except BoxFault:
        pass  # a damaged upload
    return False
