"""Which candidate to show whom, and when enough is known. Pure.

In: the probability of each candidate to be the best (thumbnails.experiments.best_probability). Out: the share of
viewers that each candidate gets, the candidate of one viewer, the winner. A share is the exact probability with which a
viewer is shown the candidate, so that logged impressions can be weighted by it later.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

EXPLORE = 0.1  # of viewers are spread evenly, whatever is known
SURE = 0.95
LEAST_IMPRESSIONS = 200  # of each candidate before one of them may win
WATCHED_S = 10.0  # a click that is followed by less is no reward: the picture promised something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """The random draw of one viewer, the same for the life of a batch."""

    place: float  # in [0, 1)
    impression: str  # an id that differs for each viewer and batch, and reveals neither


def shares(p_best: Sequence[float]) -> tuple[float, ...]:
    """Thompson sampling shows each as often as it is the best; a part is spread evenly, so nobody starves."""
    floor = EXPLORE / len(p_best)
    total = sum(p_best)
    return tuple(floor + (1 - EXPLORE) * p / total for p in p_best)


def winner(p_best: Sequence[float], impressions: Sequence[int]) -> int | None:
    """The index of the candidate whose lead is safe; None while any has fewer than LEAST_IMPRESSIONS."""
    best = max(range(len(p_best)), key=p_best.__getitem__)
    return best if min(impressions) >= LEAST_IMPRESSIONS and p_best[best] > SURE else None


def draw(salt: bytes, batch: int, viewer: str) -> Draw:
    """The draw of a viewer: the same within one batch, and unpredictable without the salt."""
    digest = hmac.digest(salt, f"{batch}.{viewer}".encode(), hashlib.sha256)
    return Draw(place=(int.from_bytes(digest[:8]) >> 11) / 2**53, impression=digest[8:20].hex())


def shown_to(place: float, among: Sequence[float]) -> int:
    """The index of the candidate whose share of [0, 1) contains `place`."""
    for index, share in enumerate(among):
        place -= share
        if place < 0:
            return index
    return len(among) - 1  # shares add up to a little less than 1 now and then
