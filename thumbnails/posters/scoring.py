"""Signals -> one number per frame. Pure.

In: raw signals by name, one list per name. Out: percentiles within the title, and their weighted sum: a dark film is
judged among its own frames. Ties share their rank.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

FULL_TEXT = 0.08  # of the picture: a slide's worth of letters
BEST_PLACE = 0.35  # of the title: after the opening, before the end
# More of it makes no better picture: what has enough shares its rank with all that have.
ENOUGH = {"sharpness": -1.2, "exposure": 0.85, "saliency": 0.65, "colour": 50.0}


def ranks(name: str, values: Sequence[float], among: Sequence[float]) -> list[float]:
    """Percentiles of a signal, up to where there is enough of it."""
    enough = ENOUGH[name]
    return percentiles([min(value, enough) for value in values], [min(value, enough) for value in among])


def percentiles(values: Sequence[float], among: Sequence[float]) -> list[float]:
    """Each value's rank 0..1 among the others of its title; 0.5 where there is only one, and where all are alike."""
    if len(among) < 2:
        return [0.5] * len(values)
    ordered = np.sort(among)
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    ranks: npt.NDArray[np.float64] = np.clip((below + upto - 1) / 2 / (len(among) - 1), 0, 1)
    return [float(rank) for rank in ranks]


def total(ranks: Mapping[str, float], weights: Mapping[str, float], *, share: float, cluster: float) -> float:
    """The weighted sum of ranks, plus a bonus for frames like many others. A signal not measured yet counts half."""
    return sum(weight * ranks.get(name, 0.5) for name, weight in weights.items()) + cluster * share


def text_score(share: float) -> float:
    """0..1: how far a share of letters in a frame reaches FULL_TEXT."""
    return min(1.0, share / FULL_TEXT)


def position(at: float) -> float:
    """The rank 0..1 of a place 0..1 in the title: 1 at BEST_PLACE."""
    return 1 - abs(at - BEST_PLACE) / max(BEST_PLACE, 1 - BEST_PLACE)
