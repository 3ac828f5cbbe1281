"""Neighbouring frames -> how much the camera shakes. Pure arithmetic on arrays.

In: the small lumas of a stretch of frames and their times. Out: the way the whole picture went there and back, by phase
correlation: the length of its path without what brought it from its first place to its last, in widths of the picture
a second. A pan goes one way and has none; things that move in front of a still ground do not move the picture.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import hypot

import cv2
import numpy as np

from thumbnails.reading.colour import Gray

SHORTEST_S = 0.12  # in less time a hand does not turn back
LEAST_FRAMES = 4
ALIKE = 0.15  # of a correlation's peak: below it the frames show different things, and there is no one movement
DETAIL = 3.0  # standard deviation of luma: a plain picture says nothing of movement


def shaking(lumas: Sequence[Gray], times_s: Sequence[float]) -> float | None:
    """How much a stretch of frames of one size shakes. None where it says nothing: too short, plain, or with a cut."""
    if len(lumas) < LEAST_FRAMES or times_s[-1] - times_s[0] < SHORTEST_S:
        return None
    frames = [luma.astype(np.float32) for luma in lumas]
    if min(float(frame.std()) for frame in frames) < DETAIL:
        return None
    height, width = lumas[0].shape
    window = cv2.createHanningWindow((width, height), cv2.CV_32F)
    steps: list[tuple[float, float]] = []
    for a, b in pairwise(frames):
        (across, down), alike = cv2.phaseCorrelate(a, b, window)
        if alike < ALIKE:
            return None
        steps.append((across / width, down / width))
    path = sum(hypot(*step) for step in steps)
    moved = hypot(sum(across for across, _ in steps), sum(down for _, down in steps))
    return (path - moved) / (times_s[-1] - times_s[0])
