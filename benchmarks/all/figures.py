"""The plots of the report, each as an SVG whose text is text. Only this and benchmarks.transcode.plot need matplotlib.

In: the parts of a report. Out: (title, what to see in it, SVG) of each plot that there are results for.
"""

import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.all import efforts
from benchmarks.harness.speed import PYTHON, X264, speeds_of
from benchmarks.transcode.acceptance import BASE
from benchmarks.transcode.plot import COLOURS

SIZE_INCHES = (4.4, 3.1)  # so that letters can be read on a phone, where a plot is as wide as the screen
STYLE = {"svg.fonttype": "none", "svg.hashsalt": "kadr", "font.size": 10, "font.family": "sans-serif"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """`svg` is the element alone, to be put into a page."""

    title: str
    text: str
    svg: str


def plots(parts: Sequence[dict[str, Any]]) -> list[Plot]:
    """A plot for each kind of result in the parts. Needs matplotlib (benchmarks.transcode.plot.require_matplotlib)."""
    results = {part["benchmark"]: part["result"] for part in parts if "result" in part}
    found = []
    if seen := efforts.efforts(efforts.clips_of(parts)):
        found.append(
            Plot(
                title="Efforts: CPU against bytes",
                text="Medians over the clips. Further left costs less CPU, further down less storage. The numbers are "
                f"VMAF of the top rung. {BASE} is one plain ffmpeg command.",
                svg=_drawn(lambda axes: _plane(axes, seen)),
            )
        )
    if player := results.get("player"):
        text = "Milliseconds to the first picture, medians; shorter is better."
        found.append(Plot(title="Start of playback", text=text, svg=_drawn(lambda axes: _starts(axes, player))))
    if origin := results.get("origin"):
        text = "Answers for each second of the server's own CPU; longer is better. Grey: nginx, for comparison."
        found.append(Plot(title="Delivery", text=text, svg=_drawn(lambda axes: _delivery(axes, origin))))
    if api := results.get("api"):
        rates = ", ".join(f"{step['rate']:g}" for step in api["steps"])
        text = f"Latency of mixed reads at {rates} requests a second."
        found.append(Plot(title="API", text=text, svg=_drawn(lambda axes: _latency(axes, api))))
    if len(speeds_of(parts)) > 1:
        text = "CPU seconds of two fixed pieces of work. Where a line moves, times measured then do, too."
        found.append(Plot(title="The machine meanwhile", text=text, svg=_drawn(lambda axes: _machine(axes, parts))))
    return found


def _drawn(draw: Callable[[Any], None]) -> str:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with rc_context(STYLE):
        figure = Figure(figsize=SIZE_INCHES, layout="constrained")
        FigureCanvasSVG(figure)
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        draw(axes)
        written = io.StringIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    svg = written.getvalue()
    svg = svg[svg.index("<svg") :]
    # As wide as the page lets it be.
    return re.sub(r'<svg ([^>]*?)height="[^"]*"([^>]*?)width="[^"]*"|<svg ', _fluid, svg, count=1)


def _fluid(found: re.Match[str]) -> str:
    kept = f"{found[1]}{found[2]}" if found[1] is not None else ""
    return f'<svg {kept}role="img" '


def _plane(axes: Any, seen: Sequence[efforts.Effort]) -> None:
    for number, one in enumerate(seen):
        axes.scatter(
            [one.cpu_s], [one.bytes / 1e6], s=70, color=COLOURS[number], zorder=3, label=f"{one.name}: {one.vmaf:.1f}"
        )
    axes.set(xlabel="CPU s per minute of video", ylabel="MB per minute of video")
    axes.set_xlim(0, 1.15 * max(one.cpu_s for one in seen))
    axes.set_ylim(0, 1.15 * max(one.bytes for one in seen) / 1e6)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(title="VMAF", frameon=False, loc="lower left")


def _starts(axes: Any, result: dict[str, Any]) -> None:
    players = list(dict.fromkeys(run["player"] for run in result["runs"]))
    beginnings = list(dict.fromkeys(run["from"] for run in result["runs"]))
    height = 0.8 / len(players)
    for number, player in enumerate(players):
        times = [
            next(run["p50_ms"] for run in result["runs"] if (run["from"], run["player"]) == (one, player))
            for one in beginnings
        ]
        places = [row + number * height for row in range(len(beginnings))]
        drawn = axes.barh(places, times, height, color=COLOURS[2 - 2 * number], label=player)
        axes.bar_label(drawn, padding=2)
    axes.set_yticks([row + height / 2 * (len(players) - 1) for row in range(len(beginnings))], beginnings)
    axes.invert_yaxis()
    axes.set(xlabel="ms")
    axes.margins(x=0.15)
    axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.16), ncols=len(players))


def _delivery(axes: Any, result: dict[str, Any]) -> None:
    rates: dict[str, list[float]] = {}
    for run in result["runs"]:
        if run["per_cpu_s"]:
            rates.setdefault(f"{run['what']}, {run['server']}", []).append(run["per_cpu_s"])
    names = sorted(rates, key=lambda name: (name.partition(",")[0], -median(rates[name])))
    values = [median(rates[name]) for name in names]
    drawn = axes.barh(names, values, color=[COLOURS[7] if "nginx" in name else COLOURS[2] for name in names])
    axes.bar_label(drawn, [f"{value:,.0f}" for value in values], padding=2)
    axes.invert_yaxis()
    axes.margins(x=0.25)
    axes.set_xticks([])
    axes.spines["bottom"].set_visible(False)


def _latency(axes: Any, result: dict[str, Any]) -> None:
    rates = [step["rate"] for step in result["steps"]]
    if len(rates) == 1:
        times = result["steps"][0]["latency_ms"]["all"]
        names = [what for what in ("p50", "p90", "p99") if times[what] is not None]
        axes.bar_label(axes.bar(names, [times[what] for what in names], color=COLOURS[2]), padding=2)
        axes.set(ylabel="ms")
        return
    for number, what in enumerate(("p50", "p90", "p99")):
        times = [step["latency_ms"]["all"][what] for step in result["steps"]]
        axes.plot(rates, times, marker="o", color=COLOURS[number], label=what)
    axes.set(xlabel="requests a second", ylabel="ms")
    axes.set_ylim(bottom=0)
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False)


def _machine(axes: Any, parts: Sequence[dict[str, Any]]) -> None:
    speeds = speeds_of(parts)
    minutes = [(one.at - speeds[0].at) / 60 for one in speeds]
    for colour, work in zip((COLOURS[2], COLOURS[1]), (PYTHON, X264), strict=True):
        seconds = [one.of(work) for one in speeds]
        middle = median(seconds)
        axes.plot(minutes, [one / middle for one in seconds], marker="o", color=colour, label=work)
    axes.set(xlabel="minutes since the beginning", ylabel="slower than the median, times")
    axes.grid(visible=True, alpha=0.3)
    axes.legend(frameon=False)
