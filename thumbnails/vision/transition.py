"""Frames in a row -> which of them are whole pictures, and which of those is stillest and sharpest. Pure.

In: small lumas of neighbouring frames, their times and sharpness. Out: a choice, or the name of what they are part of.
A fade or a dissolve is a mixture: a frame between two others is their weighted mean, point by point; things that move
are not. A cut ends the shot.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Gray

Luma = npt.NDArray[np.float32]

SMALL = (160, 90)
CUT = 9.0  # mean difference of neighbours, of 255, at least: a dark film has no larger ones
CUT_TIMES = 4.0  # and so many times those beside it
LEAST_SHOT = 3  # frames: what stands between two cuts is none
MIX_LEAST = 5.0  # mean difference over a stretch: less than that is a still picture
MIX_REST = 0.3  # of the difference that a mixture leaves unexplained; large movement leaves 0.6 and more
MOVED_REST = 0.6  # of the difference that moving the points leaves, where it is movement
STRETCH_S, SHORTEST_S = 0.3, 0.2  # in less time any movement looks even
STEP_S = 0.04  # between frames whose changes are compared: at 60 frames a second any movement is even
LEAST_STEPS = 3
MOVING, MOVING_SHARE = 10, 0.06  # levels that a point changes by over the frames, and how many points must
SAME = 0.97  # correlation of a picture with itself, darkened


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameChoice:
    """The index of a frame, and what its neighbours show.

    `motion`: the mean flow to its neighbours in 1/1000 of the width per frame. `evenness`: how much of their change
    changes from frame to frame, about 1 and more where things move, little where each frame is a mean of several; None
    where little moves.
    """

    at: int
    motion: float
    evenness: float | None


def small(gray: Gray) -> Gray:
    """A luma plane shrunk to SMALL, the size frames are compared at."""
    shrunk: Gray = cv2.resize(gray, SMALL, interpolation=cv2.INTER_AREA).astype(np.uint8)
    return shrunk


def choose(
    lumas: Sequence[Gray], times_s: Sequence[float], sharpness: Sequence[float], anchor: int
) -> FrameChoice | str:
    """The best frame of the shot `anchor` is in, or "fade" or "dissolve" when no frame of it stands apart."""
    first, end = _shot(lumas, anchor)
    if end - first < min(LEAST_SHOT, len(lumas)):
        return "dissolve"
    shot = lumas[first:end]
    mixed = _mixed(shot, times_s[first:end])
    whole = [at for at in range(len(shot)) if mixed[at] is None]
    if not whole:
        return next(kind for kind in mixed if kind)
    motions = _motions(shot)
    sharpest = max(sharpness[first + at] for at in whole)
    stillest = min(motions[at] for at in whole)
    most = max(motions[at] for at in whole) - stillest

    def worth(at: int) -> float:
        still = 1 - (motions[at] - stillest) / most if most > 0.5 else 1.0
        return 2 * (sharpness[first + at] - sharpest) + 0.3 * still

    # Ties stay at the anchor, which is a keyframe: coded best.
    best = max(whole, key=lambda at: (round(worth(at), 3), -abs(first + at - anchor), -at))
    return FrameChoice(at=first + best, motion=motions[best], evenness=_evenness(shot, times_s[first:end]))


def _steps(lumas: Sequence[Gray]) -> list[float]:
    return [float(cv2.absdiff(a, b).mean()) for a, b in pairwise(lumas)]


def _shot(lumas: Sequence[Gray], anchor: int) -> tuple[int, int]:
    """First and end of the frames around `anchor` with no cut between. A cut is one large step among small ones."""
    steps = _steps(lumas)
    beside = [max((*steps[max(0, at - 1) : at], *steps[at + 1 : at + 2]), default=0.0) for at in range(len(steps))]
    cuts = [at + 1 for at, step in enumerate(steps) if step > CUT and step > CUT_TIMES * beside[at]]
    before = max((cut for cut in cuts if cut <= anchor), default=0)
    return before, min((cut for cut in cuts if cut > anchor), default=len(lumas))


def _leaps(lumas: Sequence[Gray]) -> list[bool]:
    """By frame, whether it is far from the one beside it while most are not: a flash, or a very short dissolve."""
    steps = _steps(lumas)
    most = max(CUT, CUT_TIMES * float(np.median(steps))) if steps else CUT
    far = [step > most for step in steps]
    return [before or after for before, after in zip((False, *far), (*far, False), strict=True)]


def _mixed(lumas: Sequence[Gray], times_s: Sequence[float]) -> list[str | None]:
    """For each frame the transition it is part of: "fade", "dissolve" or None."""
    transitions: list[str | None] = ["dissolve" if leap else None for leap in _leaps(lumas)]
    if len(lumas) < 4 or times_s[-1] - times_s[0] < SHORTEST_S:
        return transitions
    step_s = (times_s[-1] - times_s[0]) / (len(lumas) - 1)
    reach = max(3, min(len(lumas) - 1, round(STRETCH_S / step_s)))
    floats = [luma.astype(np.float32) for luma in lumas]
    for first in range(len(lumas) - reach):
        if kind := _mixture(floats[first : first + reach + 1]):
            for at in range(first, first + reach + 1):
                transitions[at] = transitions[at] or kind
    return transitions


def _mixture(run: Sequence[Luma]) -> str | None:
    """ "fade" or "dissolve" where the frames of a run go evenly from the first one to the last; None where not."""
    change = run[-1] - run[0]
    if float(np.abs(change).mean()) < MIX_LEAST:
        return None
    length = float((change * change).sum())
    before = 0.0
    for frame in run[1:-1]:
        part = frame - run[0]
        share = float((part * change).sum()) / length
        rest = float(np.abs(part - share * change).mean() / np.abs(change).mean())
        if rest > MIX_REST or not before < share < 1:
            return None
        before = share
    if _moved_rest(run[0], run[-1]) < MOVED_REST:
        return None
    correlation = np.corrcoef(run[0].ravel(), run[-1].ravel())[0, 1] if min(run[0].std(), run[-1].std()) > 1 else 1.0
    return "fade" if correlation > SAME else "dissolve"


def _evenness(lumas: Sequence[Gray], times_s: Sequence[float]) -> float | None:
    """The change of the change from frame to frame, by the change itself, where the picture changes."""
    apart = max(1, round(STEP_S * (len(lumas) - 1) / max(times_s[-1] - times_s[0], 1e-6)))
    frames = np.stack(lumas[::apart]).astype(np.float32)
    if len(frames) <= LEAST_STEPS:
        return None
    moving = np.ptp(frames, axis=0) > MOVING
    if float(moving.mean()) < MOVING_SHARE:
        return None
    steps = np.diff(frames, axis=0)[:, moving]
    return float(np.abs(np.diff(steps, axis=0)).mean() / max(float(np.abs(steps).mean()), 1e-6))


def _moved_rest(a: Luma, b: Luma) -> float:
    """What is left of the difference of two frames when the points of one are moved to where they are in the other."""
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    moved = flow.calc(a.astype(np.uint8), b.astype(np.uint8), np.zeros((*a.shape, 2), np.float32))
    rows, columns = np.mgrid[0 : a.shape[0], 0 : a.shape[1]].astype(np.float32)
    back = cv2.remap(b, columns + moved[:, :, 0], rows + moved[:, :, 1], cv2.INTER_LINEAR, None, cv2.BORDER_REPLICATE)
    return float(np.abs(back - a).mean() / np.abs(b - a).mean())


def _motions(lumas: Sequence[Gray]) -> list[float]:
    """Per frame, the mean flow to the frames beside it."""
    if len(lumas) < 2:
        return [0.0] * len(lumas)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    steps = []
    for a, b in pairwise(lumas):
        moved = flow.calc(a, b, np.zeros((*a.shape, 2), np.float32))
        steps.append(float(np.hypot(moved[:, :, 0], moved[:, :, 1]).mean()) * 1000 / SMALL[0])
    beside = [steps[:1], *(steps[at : at + 2] for at in range(len(steps) - 1)), steps[-1:]]
    return [sum(near) / len(near) for near in beside]
