"""Similarity of frames: clusters of a title's frames, and candidates that differ. Pure.

In: small pictures. Out: a feature of each (HSV histogram and the lowest 8x8 of a DCT), the share of the title's frames
in its cluster, and an order by maximal marginal relevance (Carbonell and Goldstein, 1998).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Bgr

Feature = npt.NDArray[np.float32]
ALIKE = 0.82
SAME = 0.99  # the same picture again
RELEVANCE = 0.7


def feature(pixels: Bgr) -> Feature:
    """The feature vector of a picture, of length 1: its dot product with another one is their similarity."""
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
    """For each frame the share (0..1) of all frames that are in its cluster, which its first member represents."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedFrame:
    """A frame as it is compared with others: its feature and its time."""

    feature: Feature
    time_s: float


def repeats(one: ComparedFrame, selected: Iterable[ComparedFrame], apart_s: float) -> bool:
    """Whether a frame is similar to a selected one within `apart_s`, or the very same picture at any distance."""
    for other in selected:
        likeness = float(one.feature @ other.feature)
        if likeness > SAME or (likeness > ALIKE and abs(one.time_s - other.time_s) < apart_s):
            return True
    return False


def ordered(scores: Sequence[float], frames: Sequence[ComparedFrame], most: int, apart_s: float) -> list[int]:
    """At most `most` indices, best first: scores weighed against similarity to those before, and no repetitions.

    Of equal ones the earlier comes first.
    """
    left, selected = list(range(len(scores))), list[int]()

    def worth(at: int) -> float:
        likeness = max((float(frames[at].feature @ frames[one].feature) for one in selected), default=0.0)
        return RELEVANCE * scores[at] - (1 - RELEVANCE) * likeness

    while left and len(selected) < most:
        best = max(left, key=lambda at: (worth(at), -at))
        left.remove(best)
        if not repeats(frames[best], (frames[one] for one in selected), apart_s):
            selected.append(best)
    return selected
