"""The sample descriptions of an MP4 file: what each track says of its samples. Reads nothing but the boxes on the way.

Unreadable boxes of a damaged upload end the walk: what was found so far counts.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from core.media.mp4_boxes import Box, BoxFault, boxes, find_all

MAX_BOXES, MAX_STSD_BYTES = 10_000, 65_536


def sample_descriptions(path: Path) -> Iterator[tuple[int, bytes, list[Box]]]:
    """Of each track: its number, counted from 0 in file order; the content of its stsd box; its entries."""
    try:
        with path.open("rb") as file:
            top = islice(boxes(file, 0, path.stat().st_size, clip=True), MAX_BOXES)
            moov = next((box for box in top if box.kind == b"moov"), None)
            tracks = [] if moov is None else find_all(file, moov.body, moov.end, b"trak", clip=True)
            for number, track in enumerate(tracks):
                for stsd in find_all(file, track.body, track.end, b"mdia", b"minf", b"stbl", b"stsd", clip=True):
                    file.seek(stsd.body)
                    content = file.read(min(stsd.end - stsd.body, MAX_STSD_BYTES))
                    yield number, content, list(boxes(content, 8, len(content), clip=True))
    except BoxFault:
        return
