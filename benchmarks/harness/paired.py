"""How much a change of cost is, and how sure one may be: ratios of measured values with intervals by Student's t. Pure.

Everything is done in logarithms: a cost that doubles and one that halves are equally far from none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import fmean

STEPS = 400  # of Simpson's rule
FARTHEST = 1e6


@dataclass(frozen=True, slots=True, kw_only=True)
class Ratio:
    """A ratio with its interval; no interval (None) where there is nothing to tell the noise by."""

    value: float
    low: float | None
    high: float | None

    @property
    def differs(self) -> bool:
        """Whether the interval leaves out 1; without an interval nobody can say."""
        return self.low is not None and self.high is not None and not self.low <= 1 <= self.high


def of_cases(ratios: Sequence[float], *, more_sd: float = 0.0, confidence: float = 0.95) -> Ratio:
    """The mean ratio over several cases, such as clips, each measured under both. Raises ValueError for none.

    `more_sd`: of what all cases have in common and nobody knows, in logs.
    """
    logs = [math.log(ratio) for ratio in ratios]
    freedom = len(logs) - 1
    if freedom < 1:
        return Ratio(value=math.exp(fmean(logs)), low=None, high=None)
    error = math.hypot(math.sqrt(_squares(logs) / freedom / len(logs)), more_sd)
    return _around(fmean(logs), error, freedom, confidence)


def of_runs(
    before: Sequence[float], after: Sequence[float], *, more_sd: float = 0.0, confidence: float = 0.95
) -> Ratio:
    """after / before, by geometric means of repeated runs (Welch 1947). `more_sd`: of what else is uncertain, in logs.

    Raises ValueError where a value is not above 0.
    """
    one, other = ([math.log(value) for value in values] for values in (before, after))
    change = fmean(other) - fmean(one)
    if min(len(one), len(other)) < 2:
        return Ratio(value=math.exp(change), low=None, high=None)
    parts = [_squares(logs) / (len(logs) - 1) / len(logs) for logs in (one, other)]
    freedom = min(len(one), len(other)) - 1.0
    if total := sum(parts):
        freedom = total**2 / sum(
            part**2 / (len(logs) - 1) for part, logs in zip(parts, (one, other), strict=True)
        )  # Welch-Satterthwaite
    return _around(change, math.sqrt(total + more_sd**2), freedom, confidence)


def _squares(logs: Sequence[float]) -> float:
    middle = fmean(logs)
    return math.fsum((value - middle) ** 2 for value in logs)


def _around(change: float, error: float, freedom: float, confidence: float) -> Ratio:
    half = t_quantile((1 + confidence) / 2, freedom) * error
    return Ratio(value=math.exp(change), low=_exp(change - half), high=_exp(change + half))


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


@lru_cache(maxsize=256)
def t_quantile(share: float, freedom: float) -> float:
    """Quantile of Student's t, for `share` from 0.5 to below 1: by bisection of the integrated density."""
    if not 0.5 <= share < 1 or freedom < 1:
        raise ValueError(f"share {share}, {freedom} degrees of freedom")
    low, high = 0.0, FARTHEST
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _below(middle, freedom) < share else (low, middle)
    return (low + high) / 2


def _below(value: float, freedom: float) -> float:
    """The share of Student's t below `value` >= 0. With t = sqrt(freedom) tan(a) the integrand is a power of cos(a)."""
    end = math.atan(value / math.sqrt(freedom))
    width = end / STEPS
    heights: list[float] = [math.cos(number * width) ** (freedom - 1) for number in range(STEPS + 1)]
    area = width / 3 * (heights[0] + heights[-1] + 4 * sum(heights[1:-1:2]) + 2 * sum(heights[2:-1:2]))
    density: float = math.exp(math.lgamma((freedom + 1) / 2) - math.lgamma(freedom / 2)) / math.sqrt(math.pi)
    return 0.5 + density * area
