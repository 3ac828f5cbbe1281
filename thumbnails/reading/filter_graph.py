"""A graph of one libav filter for frames of PyAV. Inside the sandbox only."""

from fractions import Fraction
from typing import Any

import av
import av.filter


def filter_graph(frame: Any, time_base: Fraction | None, name: str, options: str) -> Any:
    """Buffer -> one filter -> sink, for frames of this frame's size and format."""
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=time_base)
    inner = graph.add(name, options)
    sink = graph.add("buffersink")
    source.link_to(inner)
    inner.link_to(sink)
    graph.configure()
    return graph
