"""Interlaced frames -> progressive frames. Inside the sandbox only.

In: decoded frames of PyAV. Out: frames of PyAV. A lone frame keeps one of its fields, at half the height; frames in a
row are deinterlaced by bwdif, the filter that an encode uses.
"""

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from thumbnails.reading.filter_graph import filter_graph


def one_field(frame: Any) -> Any:
    """The top field of a lone frame: the lines between cannot be known without its neighbours."""
    graph = filter_graph(frame, frame.time_base, "field", "top")
    graph.push(frame)
    return graph.pull()


class Deinterlacer:
    """bwdif over a run of frames: one out for each in, at the same time. `time_base` is that of their stream."""

    def __init__(self, time_base: Fraction) -> None:
        self._time_base = time_base

    def all(self, frames: Iterator[Any]) -> Iterator[Any]:
        """The run deinterlaced. A change of size or pixel format starts the filter anew."""
        graph: Any = None
        form: tuple[int, int, str] | None = None
        for frame in frames:
            own_form = (frame.width, frame.height, frame.format.name)
            if own_form != form:
                if graph is not None:
                    yield from _finished(graph)
                graph = filter_graph(frame, self._time_base, "bwdif", "mode=send_frame:deint=interlaced")
                form = own_form
            graph.push(frame)
            yield from _ready(graph)
        if graph is not None:
            yield from _finished(graph)


def _finished(graph: Any) -> Iterator[Any]:
    graph.push(None)
    yield from _ready(graph)


def _ready(graph: Any) -> Iterator[Any]:
    while True:
        try:
            yield graph.pull()
        except (av.BlockingIOError, av.EOFError):
            return
