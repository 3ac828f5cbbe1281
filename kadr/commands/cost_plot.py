"""The answer of `kadr cost` as a picture: the bill beside others, and the tornado. Only this needs matplotlib."""

import importlib.util
import math
from pathlib import Path
from typing import Any

from core.errors import ConfigError
from cost.answer import Answer
from cost.words import SWINGS, Words
from studio.texts import DEFAULT

FORMATS = (".png", ".svg", ".pdf")
OURS, OTHERS, HALF, TWICE = "#0072b2", "#999999", "#56b4e9", "#d55e00"


def require_matplotlib(target: Path) -> None:
    """Before anything is computed. Raises ConfigError that says how to install it, or which endings there are."""
    if importlib.util.find_spec("matplotlib") is None:
        raise ConfigError(
            "--plot needs matplotlib, which the image leaves out: it is in the extra `bench` (make bench-setup)"
        )
    if target.suffix not in FORMATS:
        raise ConfigError(f"--plot {target}: must end in {', '.join(FORMATS)}")
    if not target.parent.is_dir():
        raise ConfigError(f"--plot {target}: there is no folder {target.parent}")


def draw(found: Answer, target: Path) -> None:
    """Write the picture. Needs matplotlib: see `require_matplotlib`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 9), layout="constrained")
    FigureCanvasAgg(figure)
    above, below = figure.subplots(2, 1, height_ratios=(2, 3))
    words = Words(found, DEFAULT)
    figure.suptitle(words.headline(), fontsize=15, parse_math=False)
    _compared(above, found, words)
    _tornado(below, found, words)
    figure.savefig(target, dpi=110)


def _compared(axes: Any, found: Answer, words: Words) -> None:
    """Kadr on each stack and every platform, with the budget as a line."""
    totals = [(total, name, OURS) for name, total in found.stacks.items() if math.isfinite(total)]
    totals += [(peer.total, peer.name, OTHERS) for peer in found.peers if math.isfinite(peer.total)]
    totals.sort(reverse=True)
    bars = axes.barh(
        [name for _, name, _ in totals], [total for total, _, _ in totals], color=[c for _, _, c in totals]
    )
    axes.bar_label(bars, [words.money(total) for total, _, _ in totals], padding=4)
    if found.scenario.budget is not None:
        axes.axvline(found.scenario.budget, color="black", linestyle="--", linewidth=1)
        axes.set_xlabel(f"{found.book.currency} a month; dashed: {words.money(found.scenario.budget)}")
    axes.xaxis.label.set_parse_math(False)
    axes.margins(x=0.12)
    axes.set_title(words.text("cost.peers"))


def _tornado(axes: Any, found: Answer, words: Words) -> None:
    if not math.isfinite(found.total):
        return
    swings = [one for one in found.tornado if math.isfinite(one.half + one.double)][:SWINGS][::-1]
    names = {row.key: row.name for row in words.tornado()}
    for at, one in enumerate(swings):
        axes.barh(at, one.half - found.total, left=found.total, color=HALF)
        axes.barh(at, one.double - found.total, left=found.total, color=TWICE)
    axes.set_yticks(range(len(swings)), [names[one.name] for one in swings])
    axes.axvline(found.total, color="black", linewidth=1)
    axes.set_xlabel(f"{found.book.currency} a month; blue: half, red: twice")
    axes.set_title(words.text("cost.tornado"))
