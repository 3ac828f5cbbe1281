"""What changed between two runs of `kadr bench all`? Ratios with intervals, the machine's own speed taken out.

In: two report.json. Every number that both have is compared: a time after it was divided by how long fixed pieces of
work took beside it, in both runs. Where a number has several runs its interval is Welch's t of their logarithms, and
the calibrations' own spread is in it; one number over at least three cases, such as clips, is compared in pairs.
"no difference seen": 1 lies within the 95 % interval. Of so many numbers one in twenty leaves it by chance alone.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.all import comparison
from benchmarks.all.page import FORMAT
from benchmarks.harness.machine import facts, report
from core.errors import ConfigError


def _read(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text())
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{file} cannot be read: {exc}") from exc
    if not isinstance(value, dict) or value.get("benchmark") != "all" or value.get("format") != FORMAT:
        raise ConfigError(f"{file} is no report.json of kadr bench all")
    if not value["parts"]:
        raise ConfigError(f"{file}: nothing was measured yet")
    return value


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench compare", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("first", type=Path, metavar="A.json", help="report.json of the run before")
    parser.add_argument("second", type=Path, metavar="B.json", help="report.json of the run after")
    options = parser.parse_args(argv)
    first, second = _read(options.first), _read(options.second)
    if first["quick"] != second["quick"]:
        raise ConfigError("one of both was measured with --quick: its numbers are of other material")
    found = comparison.compare(first, second)
    report(comparison.table(found), {"benchmark": "compare", **found.to_json()}, facts())
    return 0
