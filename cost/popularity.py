"""How views fall on titles, and how many requests a cache answers of them. Pure.

Titles by rank have views in proportion to rank^-s (Zipf). A cache keeps what is asked for again within T; T is what
makes the expected bytes inside equal its size (the approximation of Che, Tung and Wang, 2002).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

SINGLE = 64  # the first ranks, each by itself
STEP = 1.05  # of the ranks beyond: a bin is 5 % longer than the one before


@dataclass(frozen=True, slots=True)
class Bin:
    """Titles of about the same rank: how many, and the share of all views that each of them has."""

    titles: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """Titles of one kind, as a cache sees them: GB of one title, and views of all of them a day."""

    bins: Sequence[Bin]
    title_gb: float
    views_per_day: float


@lru_cache(maxsize=256)
def bins(titles: float, exponent: float) -> tuple[Bin, ...]:
    """Titles in order of rank, the most seen first. Empty without any."""
    count = math.floor(titles)
    if count < 1:
        return ()
    edges = list(range(1, min(SINGLE, count) + 1))
    while edges[-1] < count + 1:
        edges.append(min(count + 1, max(edges[-1] + 1, math.floor(edges[-1] * STEP))))
    weighed = [(end - begin, _weight(begin, end, exponent)) for begin, end in pairwise(edges)]
    total = sum(weight for _, weight in weighed)
    return tuple(Bin(titles=length, share=weight / length / total) for length, weight in weighed)


def _weight(begin: int, end: int, exponent: float) -> float:
    """The sum of rank^-exponent over ranks from `begin` to before `end`: exact for one, an integral beyond."""
    if end - begin == 1:
        return float(begin**-exponent)
    low, high = begin - 0.5, end - 0.5
    if abs(exponent - 1) < 1e-9:
        return math.log(high / low)
    return float((high ** (1 - exponent) - low ** (1 - exponent)) / (1 - exponent))


def head(ranked: Sequence[Bin], exponent: float, views: float, least: float) -> tuple[float, float]:
    """How many titles have at least `least` of all `views`, and the share of all views that they have.

    `ranked` and `exponent` are those of `bins`.
    """
    if not ranked or least <= 0 or ranked[0].share * views < least:
        return 0.0, 0.0
    count = sum(one.titles for one in ranked)
    times = ranked[0].share * views / least
    everyone = math.log(times) >= exponent * math.log(count)  # of a flat exponent, the power below is without end
    wanted = count if everyone else min(count, float(math.floor(times ** (1 / exponent) + 1e-9)))
    titles = share = 0.0
    for one in ranked:
        taken = min(one.titles, wanted - titles)
        titles += taken
        share += taken * one.share
        if titles >= wanted:
            break
    return titles, min(1.0, share)


def hit_ratio(demands: Sequence[Demand], cache_gb: float, most_days: float) -> float:
    """The share of requests that the cache answers, with views as they fall on titles; 0 without any."""
    views = sum(one.views_per_day for one in demands)
    if views <= 0 or cache_gb <= 0:
        return 0.0
    low, high = 0.0, most_days
    if _inside(demands, high) > cache_gb:
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _inside(demands, middle) <= cache_gb else (low, middle)
    kept_days = high
    answered = sum(
        one.views_per_day * bin_.titles * bin_.share * -math.expm1(-one.views_per_day * bin_.share * kept_days)
        for one in demands
        for bin_ in one.bins
    )
    return answered / views


def _inside(demands: Sequence[Demand], days: float) -> float:
    """GB that are expected inside a cache that keeps what was asked for in the last `days`."""
    return sum(
        one.title_gb * bin_.titles * -math.expm1(-one.views_per_day * bin_.share * days)
        for one in demands
        for bin_ in one.bins
    )
