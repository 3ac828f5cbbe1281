"""The report as one HTML file that needs nothing else, and as one JSON file. In: kept parts. Out: texts."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from benchmarks.all import advice, efforts, figures
from benchmarks.all.numbers import of_parts
from benchmarks.harness.machine import Machine
from benchmarks.harness.speed import speeds_of

FORMAT = 1


def report(
    parts: Sequence[dict[str, Any]],
    machine: Machine,
    *,
    quick: bool,
    missing: Sequence[str],
    cost: dict[str, Any],
) -> dict[str, Any]:
    """Everything, JSON-ready. `missing`: parts that have not been run. `cost`: as benchmarks.all.money has it."""
    return {
        "benchmark": "all",
        "format": FORMAT,
        "quick": quick,
        "machine": asdict(machine),
        "parts": list(parts),
        "missing": list(missing),
        "cost": cost,
    }


def page(found: dict[str, Any]) -> str:
    """The report as HTML. Needs matplotlib where there is something to plot."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {"clock": _clock, "code": _code, "median": _median}
    # What a failed part has not is absent in what an older run kept, too.
    parts = [{"error": None, "table": None, "exit_code": 0, **part} for part in found["parts"]]
    began = min((part["began"] for part in parts), default=0.0)
    machine = found["machine"]
    return environment.get_template("page.html.j2").render(
        day=datetime.fromtimestamp(began, UTC).date().isoformat(),
        commits=sorted({_short(part["commit"]) for part in parts}),
        machine=machine,
        quick=found["quick"],
        parts=parts,
        missing=found["missing"],
        knobs=advice.knobs(found["parts"]),
        efforts=efforts.efforts(efforts.clips_of(found["parts"])),
        plots=figures.plots(found["parts"]),
        cost=found["cost"],
        numbers=[number for number, _ in of_parts(found["parts"])],
        facts=[*_facts(machine)],
        speeds=speeds_of(found["parts"]),
    )


def _facts(machine: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        ("CPU", machine["cpu"]),
        ("cores", str(machine["cores"])),
        ("memory", f"{machine['memory_bytes'] / 1e9:.1f} GB"),
        ("load at the end", ", ".join(f"{one:.1f}" for one in machine["load"])),
        *((name, machine[name]) for name in ("kernel", "python", "ffmpeg")),
    ]


def _clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S UTC")


def _short(commit: str) -> str:
    """Ten digits of it, and what is said beside it."""
    digits, _, beside = commit.partition(" ")
    return f"{digits[:10]} {beside}".rstrip()


def _median(values: Sequence[float]) -> str:
    """Four digits, or all before the point."""
    value = statistics.median(values)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def _code(text: str) -> Markup:
    """Text with what is between backticks as code."""
    pieces = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(piece) if number % 2 else escape(piece) for number, piece in enumerate(pieces)
    )
