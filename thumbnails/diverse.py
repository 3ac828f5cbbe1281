"""How alike frames are: clusters, and candidates that differ. Pure.

In: small pictures. Out: a feature of each (HSV histogram and the lowest 8x8 of a DCT), each one's share of the title's
looks, and an order by maximal marginal relevance (Carbonell and Goldstein, 1998).
"""

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.colour import Bgr

Feature = npt.NDArray[np.float32]
ALIKE = 0.82
SAME = 0.98
RELEVANCE = 0.7


def feature(pixels: Bgr) -> Feature:
    """A vector of length 1: its product with another one is how alike they are."""
    small = cv2.resize(pixels, (64, 36), interpolation=cv2.INTER_AREA)
    hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV)
    counts = cv2.calcHist([hsv], [0, 1, 2], None, [8, 3, 4], [0, 180, 0, 256, 0, 256]).ravel()
    colours = np.sqrt(counts / max(1.0, float(counts.sum())))
    luma = cv2.resize(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), (32, 32)).astype(np.float32)
    waves: Feature = cv2.dct(luma)[:8, :8].ravel().astype(np.float32)
    waves[0] = 0  # how bright it is, the colours tell
    shape = waves / max(1e-6, float(np.linalg.norm(waves)))
    both: Feature = np.concatenate((colours * 0.5**0.5, shape * 0.5**0.5)).astype(np.float32)
    return both


def shares(features: Sequence[Feature]) -> list[float]:
    """Of each, the part of all that look like its cluster. A cluster is led by its first member."""
    leaders: list[Feature] = []
    members: list[int] = []
    for one in features:
        likenesses = [float(one @ leader) for leader in leaders]
        best = max(range(len(leaders)), key=lambda at: likenesses[at], default=-1)
        if best < 0 or likenesses[best] < ALIKE:
            best = len(leaders)
            leaders.append(one)
        members.append(best)
    counts = np.bincount(members, minlength=1)
    return [float(counts[member] / len(features)) for member in members]


def ordered(
    scores: Sequence[float], features: Sequence[Feature], times_s: Sequence[float], most: int, apart_s: float
) -> list[int]:
    """At most `most` indices, best first; after the first, each is good and unlike those before it. Ties: earlier.

    Two of one look never both stand within `apart_s`, and two that are the same picture never at all.
    """
    left, taken = list(range(len(scores))), list[int]()

    def alike(at: int) -> float:
        return max((float(features[at] @ features[one]) for one in taken), default=0.0)

    def again(at: int) -> bool:
        likenesses = ((float(features[at] @ features[one]), abs(times_s[at] - times_s[one])) for one in taken)
        return any(like > SAME or (like > ALIKE and away_s < apart_s) for like, away_s in likenesses)

    while left and len(taken) < most:
        best = max(left, key=lambda at: (RELEVANCE * scores[at] - (1 - RELEVANCE) * alike(at), -at))
        left.remove(best)
        if not again(best):
            taken.append(best)
    return taken
