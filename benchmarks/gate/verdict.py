"""Costs of two commits, measured in turn -> is the second one slower? Pure.

A round runs base, head, head, base. Of the four logarithms of CPU seconds one contrast is the change from base to head,
in which anything that drifts steadily during the round cancels out; the two others are runs of equal programs set
against each other, the noise of this very run. All three have the same spread where there is no change, so the noise is
estimated from all of them: that is what makes an interval possible after three rounds.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import fmean

from benchmarks.harness.paired import Ratio, t_quantile

TOLERANCE = 0.05  # less is not worth anybody's morning
SURE = 0.999  # of one side: a false alarm in a thousand comparisons
COARSE = 0.15  # a run that would have missed more than this has decided nothing
LEAST_ROUNDS = 3
SLOW_ROUNDS = 2  # where the time is over by then


class Verdict(StrEnum):
    SLOWER = "slower"
    FASTER = "faster"
    SAME = "no difference seen"
    UNDECIDED = "not decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """CPU seconds of both runs of each side, in the order in which they were made: base, head, head, base."""

    base: tuple[float, float]
    head: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """head / base with its interval; `noise`, the spread of one run; `visible`, the least slowdown that would show."""

    ratio: Ratio
    noise: float
    visible: float
    rounds: int
    verdict: Verdict

    @property
    def precise(self) -> bool:
        """Whether more rounds would add nothing. By the width alone: stopping where it looks good would be cheating."""
        return self.rounds >= LEAST_ROUNDS and self.visible <= TOLERANCE


def judge(rounds: Sequence[Round]) -> Judged:
    """Raises ValueError for less than two rounds."""
    if len(rounds) < 2:
        raise ValueError("nothing can be told from less than two rounds")
    changes, noises = [], []
    for one in rounds:
        base, head = ([math.log(value) for value in pair] for pair in (one.base, one.head))
        changes.append((sum(head) - sum(base)) / 2)
        noises += [(head[0] - head[1] + sign * (base[0] - base[1])) / 2 for sign in (1, -1)]
    change = fmean(changes)
    freedom = len(changes) - 1 + len(noises)
    squares = math.fsum((value - change) ** 2 for value in changes) + math.fsum(value**2 for value in noises)
    spread = math.sqrt(squares / freedom)
    half = t_quantile(SURE, freedom) * spread / math.sqrt(len(changes))
    ratio = Ratio(value=math.exp(change), low=math.exp(change - half), high=math.exp(change + half))
    visible = math.expm1(half)
    return Judged(
        ratio=ratio,
        noise=math.expm1(spread),
        visible=visible,
        rounds=len(rounds),
        verdict=_verdict(ratio, visible),
    )


def _verdict(ratio: Ratio, visible: float) -> Verdict:
    if ratio.differs and ratio.value >= 1 + TOLERANCE:
        return Verdict.SLOWER
    if visible > COARSE:
        return Verdict.UNDECIDED
    return Verdict.FASTER if ratio.differs and ratio.value <= 1 / (1 + TOLERANCE) else Verdict.SAME
