"""One filter graph of ffmpeg-python -> several graphs, each of which gets its frames from the one before. Pure.

ffmpeg rebuilds a graph when the form of its input changes, and runs each in a thread of its own, with a short queue
between two. `next_graph` marks where a new one begins; `separate_graphs` cuts the compiled arguments there.

A graph that follows another is not told where its input ends: what its filters still hold then is lost. So the first
graph of a track pads it without end, and the last one trims it.
"""

import re
from typing import Any, Literal

_MARKS = ("null", "anull")  # filters that do nothing, each the first of its graph
_FILTER = re.compile(r"((?:\[[^\]]*\])*)(.*?)((?:\[[^\]]*\])*)", re.DOTALL)
_PAD = re.compile(r"\[[^\]]*\]")


def next_graph(stream: Any, mark: Literal["null", "anull"] = "null") -> Any:
    """`stream` as the input of the next graph; `anull` for sound."""
    return stream.filter(mark)


def separate_graphs(argv: list[str]) -> list[str]:
    """argv with its `-filter_complex` cut into one for each graph that `next_graph` begins."""
    if "-filter_complex" not in argv:
        return argv
    at = argv.index("-filter_complex")
    words = [word for graph in _graphs(argv[at + 1].split(";")) for word in ("-filter_complex", ";".join(graph))]
    return [*argv[:at], *words, *argv[at + 2 :]]


def _graphs(filters: list[str]) -> list[list[str]]:
    """The filters by graph: those that are connected without a mark between them. Both in their order."""
    graph_of_pad: dict[str, int] = {}
    merged: list[int] = []  # graph -> the graph that it belongs to, itself or an earlier one

    def root(graph: int) -> int:
        while merged[graph] != graph:
            graph = merged[graph]
        return graph

    own: list[int] = []
    for number, text in enumerate(filters):
        parts = _FILTER.fullmatch(text)
        assert parts is not None  # noqa: S101 - the expression matches any text
        inputs, name, outputs = parts.groups()
        merged.append(number)
        if name not in _MARKS:
            for pad in _PAD.findall(inputs):
                before = root(graph_of_pad.get(pad, number))
                merged[max(before, root(number))] = min(before, root(number))
        for pad in _PAD.findall(outputs):
            graph_of_pad[pad] = number
        own.append(number)
    graphs: dict[int, list[str]] = {}
    for number, text in zip(own, filters, strict=True):
        graphs.setdefault(root(number), []).append(text)
    return list(graphs.values())
