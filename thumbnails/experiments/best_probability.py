"""The probability that each candidate is the best. Pure, by numeric integration: equal counts, equal answer.

Each reward rate has the posterior Beta(1 + rewards, 1 + the other impressions). That one is the largest has the
probability of its density times the others' distribution functions, integrated. Done on t = log(x / (1 - x)), where
even Beta(1, 1) is smooth and falls off on both sides, with Simpson's rule on a grid that has as many cells where any
one of the densities is as where any other is: a million impressions and none at all stand beside each other well.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
CELLS = 128  # for each candidate
_TAIL = 28.0  # what is further out is less than exp(-28) of the peak


def p_best(rewards: Sequence[int], impressions: Sequence[int]) -> tuple[float, ...]:
    """For each candidate of one experiment the probability that it is the best; they add up to 1."""
    probabilities = p_best_of_many(np.asarray([rewards], np.float64), np.asarray([impressions], np.float64))
    return tuple(float(p) for p in probabilities[0])


def p_best_of_many(rewards: Array, impressions: Array) -> Array:
    """`p_best` for many experiments at once; all arrays are (experiments, candidates)."""
    a, b = 1.0 + rewards, 1.0 + impressions - rewards
    if np.any(a < 1.0) or np.any(b < 1.0):
        raise ValueError("there are as many rewards as impressions at most")
    edges = _edges(a, b)
    middles = (edges[:, :-1] + edges[:, 1:]) / 2
    width = np.diff(edges)[:, None, :]
    at_edge, at_middle = _density(a, b, edges), _density(a, b, middles)
    left, right = at_edge[..., :-1], at_edge[..., 1:]
    # Simpson's rule over a cell, and over its first half with the parabola through the same three points.
    cell = width * (left + 4 * at_middle + right) / 6
    half = np.maximum(0.0, width * (5 * left + 8 * at_middle - right) / 24)
    total = cell.sum(axis=-1, keepdims=True)
    ends = np.cumsum(cell, axis=-1) / total
    starts = np.concatenate([np.zeros_like(ends[..., :1]), ends[..., :-1]], axis=-1)
    inside = np.minimum(1.0, starts + half / total)
    parts = left * _others(starts) + 4 * at_middle * _others(inside) + right * _others(ends)
    probabilities = (width * parts / 6).sum(axis=-1) / total[..., 0]
    shared: Array = probabilities / probabilities.sum(axis=-1, keepdims=True)
    return shared


def _edges(a: Array, b: Array) -> Array:
    """(experiments, all cells + 1): as far out as each density reaches.

    Towards each side a Beta in t falls like a Gaussian near its peak and like an exponential further out.
    """
    peak, square = np.log(a / b), 8 * _TAIL * (1 / a + 1 / b)
    low = peak - (_TAIL / a + np.sqrt((_TAIL / a) ** 2 + square)) / 2
    high = peak + (_TAIL / b + np.sqrt((_TAIL / b) ** 2 + square)) / 2
    steps = np.linspace(0.0, 1.0, CELLS + 1)
    grids = low[..., None] + (high - low)[..., None] * steps
    return np.sort(grids.reshape(len(a), -1), axis=-1)


def _density(a: Array, b: Array, t: Array) -> Array:
    """Each posterior at the points `t`, scaled to 1 at its peak: (experiments, candidates, points)."""
    a, b, t = a[..., None], b[..., None], t[:, None, :]
    peak = a * np.log(a / (a + b)) + b * np.log(b / (a + b))
    # log(x) = t - log(1 + exp(t)), log(1 - x) = -log(1 + exp(t))
    density: Array = np.exp(a * t - (a + b) * np.logaddexp(0.0, t) - peak)
    return density


def _others(values: Array) -> Array:
    """For each candidate the product of all the others' values."""
    products = np.ones_like(values)
    for one in range(1, values.shape[1]):  # of all before it ...
        np.multiply(products[:, one - 1], values[:, one - 1], out=products[:, one])
    after = np.ones_like(values[:, 0])
    for one in range(values.shape[1] - 2, -1, -1):  # ... and of all after it
        after *= values[:, one + 1]
        products[:, one] *= after
    return products
