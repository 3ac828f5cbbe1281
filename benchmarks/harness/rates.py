"""Rates out of few trials, with how sure one may be of them. Pure."""

import math
from dataclasses import dataclass

Z95 = 1.959964  # standard normal quantile of 97.5 %


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """A share of `trials` with its Wilson 95 % interval."""

    value: float
    low: float
    high: float
    trials: int


def wilson(hits: float, trials: int) -> Rate:
    """E. B. Wilson 1927. `hits` may be a sum of expectations."""
    if not trials:
        return Rate(value=math.nan, low=0.0, high=1.0, trials=0)
    share, square = hits / trials, Z95**2
    middle = (share + square / (2 * trials)) / (1 + square / trials)
    half = Z95 * math.sqrt(share * (1 - share) / trials + square / (4 * trials**2)) / (1 + square / trials)
    return Rate(value=share, low=max(0.0, middle - half), high=min(1.0, middle + half), trials=trials)
