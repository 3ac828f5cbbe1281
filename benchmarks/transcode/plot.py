"""The transcode benchmark's JSON -> one picture: rate-quality curves of each clip, and cost against size.

In: `clips` of the result and a file name; its ending (.png, .svg) chooses the format. This and
benchmarks.all.figures need matplotlib, which is in the `bench` extra.
"""

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.transcode.acceptance import BASE
from core.errors import ConfigError

COLUMNS = 3
COLOURS = ("#000000", "#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#999999")


def require_matplotlib(what: str = "--plot") -> None:
    """Before the measurement, which takes minutes. Raises ConfigError that says how to install it."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError(f"{what} needs matplotlib, which is in the extra `bench`: make bench-setup")


def draw(clips: Sequence[dict[str, Any]], target: Path) -> None:
    """Write the picture. Needs matplotlib: see `require_matplotlib`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(dict.fromkeys(name for clip in clips for name in clip["systems"]))
    colours = {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}
    columns = min(COLUMNS, len(clips) + 1)
    rows = -(-(len(clips) + 1) // columns)
    figure = Figure(figsize=(6 * columns, 4.5 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for number, clip in enumerate(clips):
        _curves(figure.add_subplot(rows, columns, number + 1), clip, colours)
    _plane(figure.add_subplot(rows, columns, len(clips) + 1), clips, colours)
    figure.savefig(target, dpi=110)


def _curves(axes: Any, clip: dict[str, Any], colours: dict[str, str]) -> None:
    for name, found in clip["systems"].items():
        rungs = sorted((rung["average_bps"] / 1e6, rung["vmaf_mean"]) for rung in found.get("rungs", ()))
        rungs = [rung for rung in rungs if rung[1] is not None]
        if rungs:
            axes.plot(*zip(*rungs, strict=True), marker="o", markersize=4, color=colours[name], label=name)
    axes.set_xscale("log")
    for axis_part in (axes.xaxis.set_major_formatter, axes.xaxis.set_minor_formatter):
        axis_part("{x:g}")
    axes.set(title=clip["clip"]["name"], xlabel="video Mb/s (average)", ylabel="VMAF mean")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=7)


def _plane(axes: Any, clips: Sequence[dict[str, Any]], colours: dict[str, str]) -> None:
    """A is at (1, 1); a small mark is a clip, the large one their medians."""
    for name, colour in colours.items():
        found = [clip["systems"][name]["ratio"] for clip in clips if clip["systems"].get(name, {}).get("ratio")]
        if not found:
            continue
        cpu, size = [one["cpu"] for one in found], [one["bytes"] for one in found]
        axes.scatter(cpu, size, s=14, color=colour, alpha=0.4)
        axes.scatter([median(cpu)], [median(size)], s=90, color=colour, label=name, edgecolors="white")
    axes.axhline(1, color="#bbbbbb", linewidth=0.8)
    axes.axvline(1, color="#bbbbbb", linewidth=0.8)
    axes.set(title=f"cost and size against {BASE}", xlabel="CPU ratio", ylabel="bytes ratio")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize=7)
