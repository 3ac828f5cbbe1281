"""Interlaced frames -> frames without combs. Runs inside the sandbox only.

In: decoded frames of PyAV. Out: frames of PyAV. One alone keeps one of its fields, at half the height; frames in a row
are put together by bwdif, the filter an encode uses.
"""

from collections.abc import Iterator
from typing import Any

import av
import av.filter


def one_field(raw: Any) -> Any:
    """The first field of a lone frame: what is missing between its lines cannot be known."""
    graph = av.filter.Graph()
    return _through(graph, raw, "field", "top")


def _through(graph: Any, raw: Any, name: str, options: str) -> Any:
    source = graph.add_buffer(width=raw.width, height=raw.height, format=raw.format, time_base=raw.time_base)
    inner = graph.add(name, options)
    sink = graph.add("buffersink")
    source.link_to(inner)
    inner.link_to(sink)
    graph.configure()
    graph.push(raw)
    return graph.pull()


class Deinterlacer:
    """bwdif over one run of frames, one out for each in, at the same time."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def all(self, raws: Iterator[Any]) -> Iterator[Any]:
        graph: Any = None
        size: tuple[int, int, str] | None = None
        for raw in raws:
            shape = (raw.width, raw.height, raw.format.name)
            if shape != size:
                if graph is not None:
                    yield from self._rest(graph)
                graph, size = self._graph(raw), shape
            graph.push(raw)
            yield from self._ready(graph)
        if graph is not None:
            yield from self._rest(graph)

    def _graph(self, raw: Any) -> Any:
        graph = av.filter.Graph()
        source = graph.add_buffer(
            width=raw.width, height=raw.height, format=raw.format, time_base=self._stream.time_base
        )
        inner = graph.add("bwdif", "mode=send_frame:deint=interlaced")
        sink = graph.add("buffersink")
        source.link_to(inner)
        inner.link_to(sink)
        graph.configure()
        return graph

    def _rest(self, graph: Any) -> Iterator[Any]:
        graph.push(None)
        yield from self._ready(graph)

    @staticmethod
    def _ready(graph: Any) -> Iterator[Any]:
        while True:
            try:
                yield graph.pull()
            except (av.BlockingIOError, av.EOFError):
                return
