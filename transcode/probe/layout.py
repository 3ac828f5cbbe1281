"""What libav says of an opened file and PyAV has no attribute for: programmes and cropping by the container.

In: the text in which libav describes a file (`av_dump_format`). Out: `Layout`. `parse` is pure. Text that the file
itself brings (tags) is indented differently from what is read here, so that no tag is taken for a fact.
"""

import re
from dataclasses import dataclass
from typing import Any

import av.logging

from transcode.probe.source import NO_CROP, Crop

_PROGRAMME = re.compile(r"  (?:Program \d+|(No Program))\b")
_STREAM = re.compile(r"  Stream #0:(\d+)")
_CROPPING = re.compile(r"      Frame Cropping: (\d+)/(\d+)/(\d+)/(\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Programmes as sets of stream indices (empty where the container has none), and crops by stream index."""

    programmes: tuple[frozenset[int], ...]
    crops: dict[int, Crop]

    def beside(self, index: int) -> frozenset[int] | None:
        """The streams of all programmes that the stream `index` belongs to; None where it belongs to none."""
        own = [programme for programme in self.programmes if index in programme]
        return frozenset().union(*own) if own else None

    def crop(self, index: int) -> Crop:
        """What the container cuts off the frames of a stream."""
        return self.crops.get(index, NO_CROP)


def read(opened: Any) -> Layout:
    """The layout of a container of PyAV, from which nothing has been decoded yet: libav's log is on meanwhile."""
    before, repeated = av.logging.get_level(), av.logging.get_skip_repeated()
    av.logging.set_level(av.logging.INFO)
    av.logging.set_skip_repeated(False)
    try:
        return parse(opened.dumps_format())
    finally:
        av.logging.set_level(before)
        av.logging.set_skip_repeated(repeated)


def parse(description: str) -> Layout:
    """The layout in libav's description of a file."""
    programmes: list[set[int]] = []
    crops: dict[int, Crop] = {}
    in_programme, stream = False, None
    for line in description.splitlines():
        if heading := _PROGRAMME.match(line):
            in_programme = heading[1] is None
            if in_programme:
                programmes.append(set())
        elif found := _STREAM.match(line):
            stream = int(found[1])
            if in_programme:
                programmes[-1].add(stream)
        elif stream is not None and (cropping := _CROPPING.fullmatch(line)):
            left, right, top, bottom = map(int, cropping.groups())
            crops[stream] = Crop(left=left, right=right, top=top, bottom=bottom)
    return Layout(programmes=tuple(frozenset(one) for one in programmes if one), crops=crops)
