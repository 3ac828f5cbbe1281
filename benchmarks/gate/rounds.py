"""Runs the programs of both commits in turn until the noise is small enough or the time is over, and judges them.

In: the two commits, the programs, how long. Out: a `Found` for every case, JSON-ready.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from benchmarks.gate import outputs
from benchmarks.gate.outputs import Bytes, Digests
from benchmarks.gate.programs import Done, Program
from benchmarks.gate.trees import BASE, HEAD, Trees
from benchmarks.gate.verdict import LEAST_ROUNDS, SLOW_ROUNDS, Judged, Round, Verdict, judge

MOST_ROUNDS = 30
ORDER = (BASE, HEAD, HEAD, BASE)  # what drifts steadily in a round is the same for both


@dataclass(slots=True)
class _Case:
    """What was seen of one case so far."""

    rounds: list[Round] = field(default_factory=list)
    made: dict[str, list[Digests]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One case: its cost on both sides (mean CPU seconds), how it is judged, and its bytes."""

    case: str
    base_s: float
    head_s: float
    cost: Judged
    output: Bytes

    @property
    def fails(self) -> bool:
        return self.cost.verdict is Verdict.SLOWER or self.output.fails

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "fails": self.fails}


def measure(
    trees: Trees, programs: Sequence[Program], seconds: float, say: Callable[[str], None] = lambda _: None
) -> list[Found]:
    """LEAST_ROUNDS rounds or more, on a machine that is too slow for that SLOW_ROUNDS.

    A program whose cases are all judged precisely is left out of further rounds.
    """
    by_name = {BASE: trees.base, HEAD: trees.head}
    began, cases = time.monotonic(), {case: _Case() for program in programs for case in program.cases}
    for program in programs:
        for tree in by_name.values():
            program.run(tree)  # into the page cache
    for number in range(MOST_ROUNDS):
        round_began = time.monotonic()
        for program in programs:
            if not all(_is_precise(cases[case]) for case in program.cases):
                _one_round(program, [(name, program.run(by_name[name])) for name in ORDER], cases)
        now = time.monotonic()
        say(f"round {number + 1}, {now - began:.0f} s")
        late = now + (now - round_began) > began + seconds
        if all(map(_is_precise, cases.values())) or (late and number + 1 >= SLOW_ROUNDS):
            break
    return [_found(name, case, trees.added) for name, case in cases.items()]


def _one_round(program: Program, done: Sequence[tuple[str, Done]], cases: dict[str, _Case]) -> None:
    for case in program.cases:
        used = {side: tuple(one.cpu_s[case] for name, one in done if name == side) for side in (BASE, HEAD)}
        (base, base_again), (head, head_again) = used[BASE], used[HEAD]
        cases[case].rounds.append(Round(base=(base, base_again), head=(head, head_again)))
        for name, one in done:
            cases[case].made[name].append(one.digests[case])


def _is_precise(case: _Case) -> bool:
    return len(case.rounds) >= LEAST_ROUNDS and judge(case.rounds).precise


def _found(name: str, case: _Case, added: Sequence[str]) -> Found:
    def mean(side: str) -> float:
        values: list[float] = [value for one in case.rounds for value in getattr(one, side)]
        return sum(values) / len(values)

    return Found(
        case=name,
        base_s=mean("base"),
        head_s=mean("head"),
        cost=judge(case.rounds),
        output=outputs.compare(name, case.made[BASE], case.made[HEAD], added),
    )


def table(found: Sequence[Found]) -> str:
    """What is slower by how much, and which bytes changed."""
    lines = [
        f"{'case':<15}{'base CPU s':>11}{'head CPU s':>11}{'head/base':>10}  {'99.8 % interval':<17}{'noise':>7}"
        f"{'visible':>9}{'rounds':>8}  verdict"
    ]
    for one in found:
        cost = one.cost
        lines.append(
            f"{one.case:<15}{one.base_s:>11.3f}{one.head_s:>11.3f}{cost.ratio.value:>10.3f}"
            f"  {f'{cost.ratio.low:.3f} to {cost.ratio.high:.3f}':<17}{cost.noise:>7.1%}{cost.visible:>9.1%}"
            f"{cost.rounds:>8}  {cost.verdict}"
        )
    for one in found:
        lines += [f"{one.case}: {line}" for line in _about_bytes(one.output)]
    lines.append("noise: spread of one run; visible: the least slowdown that this run would have shown")
    return "\n".join(lines)


def _about_bytes(output: Bytes) -> list[str]:
    lines = []
    if output.changed:
        shown = ", ".join(output.changed[:5]) + (" ..." if len(output.changed) > 5 else "")
        why = f"explained: {output.explained}" if output.explained else "not explained by a new line of CHANGELOG.md"
        lines.append(f"{len(output.changed)} outputs have other bytes ({shown}); {why}")
    if output.shaky:
        lines.append(f"{len(output.shaky)} outputs differ from run to run of the base ({output.shaky[0]})")
    return lines
