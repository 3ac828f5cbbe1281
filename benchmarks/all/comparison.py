"""Two reports of `kadr bench all` -> what changed, with what certainty. Pure.

A time is divided by how fast the machine was beside it: the calibrations before and after its part. So a slow day does
not look like a slow program. How much the calibrations of a run differ among themselves widens the interval.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import fmean, stdev
from typing import Any

from benchmarks.all.numbers import Number, of_parts
from benchmarks.harness.paired import Ratio, of_cases, of_runs
from benchmarks.harness.speed import PYTHON, X264, Speed, speeds_of

LEAST_CASES = 3
NOTHING = "no difference seen"
UNSURE = "one run: cannot tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One number in both. `raw`: after / before as measured; `ratio`: the machine's speed taken out, with interval.

    A score has `difference` in place of both.
    """

    name: str
    unit: str
    before: float
    after: float
    raw: float | None
    ratio: Ratio | None
    difference: float | None
    verdict: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """`machine`: after / before of each calibration. `rows`: every number; `groups`: one number over several cases.
    `missing`: numbers that only one of both has."""

    machine: dict[str, Ratio]
    rows: tuple[Row, ...]
    groups: tuple[Row, ...]
    missing: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(before: dict[str, Any], after: dict[str, Any]) -> Compared:
    """Compare every number that both reports of `kadr bench all` (report.json) have."""
    found = [{number.name: (number, part) for number, part in of_parts(one["parts"])} for one in (before, after)]
    both = [name for name in found[0] if name in found[1]]
    rows, by_group = [], defaultdict(list)
    for name in both:
        (old, old_part), (new, new_part) = found[0][name], found[1][name]
        slowness = _slowness(old.speed, old_part, new_part)
        row = _row(old, new, slowness, _spread(old.speed, before, after))
        rows.append(row)
        if row.ratio is not None:
            by_group[old.group].append((row, old, old_part["part"]))
    return Compared(
        machine={work: of_runs(*(_all(work, one) for one in (before, after))) for work in (PYTHON, X264)},
        rows=tuple(rows),
        groups=tuple(
            _group(name, members, _spread(members[0][1].speed, before, after))
            for name, members in by_group.items()
            if len(members) >= LEAST_CASES
        ),
        missing=tuple(sorted(found[0].keys() ^ found[1].keys())),
    )


def _all(work: str, report: dict[str, Any]) -> list[float]:
    return [value for one in speeds_of(report["parts"]) for value in _values(work, one)]


def _values(work: str, speed: Speed) -> tuple[float, ...]:
    return speed.python if work == PYTHON else speed.x264


def _slowness(work: str | None, before: dict[str, Any], after: dict[str, Any]) -> float:
    """How much slower the machine was beside `after`."""
    if work is None:
        return 1.0
    return _beside(work, after) / _beside(work, before)


def _beside(work: str, part: dict[str, Any]) -> float:
    """The geometric mean of the calibrations before and after a part, in CPU seconds."""
    return math.exp(fmean(math.log(one.of(work)) for one in speeds_of([part])))


def _spread(work: str | None, *reports: dict[str, Any]) -> float:
    """How far the calibrations of one run are from each other, in logarithms."""
    if work is None:
        return 0.0
    spreads = []
    for report in reports:
        logs = [math.log(one.of(work)) for one in speeds_of(report["parts"])]
        spreads.append(stdev(logs) if len(logs) > 1 else 0.0)
    return math.hypot(*spreads)


def _row(old: Number, new: Number, slowness: float, spread: float) -> Row:
    one, other = fmean(old.values), fmean(new.values)
    if old.score or min(*old.values, *new.values) <= 0:
        difference = other - one
        verdict = NOTHING if difference == 0 else f"{difference:+.4g}, {_judged(difference > 0, old.higher)}"
        return Row(
            name=old.name,
            unit=old.unit,
            before=one,
            after=other,
            raw=None,
            ratio=None,
            difference=difference,
            verdict=verdict,
        )
    ratio = of_runs(old.values, [value * _factor(old, slowness) for value in new.values], more_sd=spread)
    raw = of_runs(old.values, new.values).value
    return Row(
        name=old.name,
        unit=old.unit,
        before=one,
        after=other,
        raw=raw,
        ratio=ratio,
        difference=None,
        verdict=_verdict(ratio, old),
    )


def _factor(number: Number, slowness: float) -> float:
    """Brings a value of a slow machine to the other's speed: a time becomes shorter, a rate larger."""
    return slowness if number.higher else 1 / slowness


def _group(name: str, members: Sequence[tuple[Row, Number, str]], spread: float) -> Row:
    """Each member with its part. Cases of one part were divided by the same calibrations, so they all err alike."""
    ratios = [row.ratio.value for row, _, _ in members if row.ratio is not None]
    number, parts = members[0][1], {part for _, _, part in members}
    ratio = of_cases(ratios, more_sd=spread if len(parts) < len(members) else 0.0)
    return Row(
        name=f"{name}, over {len(ratios)} cases",
        unit=number.unit,
        before=fmean(row.before for row, _, _ in members),
        after=fmean(row.after for row, _, _ in members),
        raw=of_cases([row.raw for row, _, _ in members if row.raw is not None]).value,
        ratio=ratio,
        difference=None,
        verdict=_verdict(ratio, number),
    )


def _verdict(ratio: Ratio, number: Number) -> str:
    if ratio.low is None and number.exact:
        return NOTHING if ratio.value == 1 else _judged(ratio.value > 1, number.higher)
    if ratio.low is None:
        return UNSURE
    return _judged(ratio.value > 1, number.higher) if ratio.differs else NOTHING


def _judged(more: bool, higher_is_better: bool) -> str:
    return "better" if more == higher_is_better else "worse"


def table(found: Compared) -> str:
    """The machine first, then groups, then every number."""
    lines = ["the machine, CPU seconds of fixed work, second run / first (taken out of what follows)"]
    lines += [f"  {work:<8}{_interval(ratio)}" for work, ratio in found.machine.items()]
    head = f"{'':<58}{'first':>11}{'second':>11}{'measured':>10}{'calibrated, 95 %':>26}  verdict"
    for title, rows in (("over several cases", found.groups), ("each number", found.rows)):
        if rows:
            lines += [f"{title}:", head, *map(_line, rows)]
    if found.missing:
        lines.append(f"in one of both only: {'; '.join(found.missing)}")
    return "\n".join(lines)


def _line(row: Row) -> str:
    name = f"{row.name}, {row.unit}" if row.unit and row.unit not in row.name else row.name
    measured = "" if row.raw is None else f"{row.raw:.3f}"
    calibrated = "" if row.ratio is None else _interval(row.ratio)
    return f"{name[:57]:<58}{row.before:>11.4g}{row.after:>11.4g}{measured:>10}{calibrated:>26}  {row.verdict}"


def _interval(ratio: Ratio) -> str:
    if ratio.low is None:
        return f"{ratio.value:.3f}"
    return f"{ratio.value:.3f} ({ratio.low:.3f} to {ratio.high:.3f})"
