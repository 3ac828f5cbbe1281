"""Faces that a crop must keep, by the cascade OpenCV brings along.

In: BGR pixels. Out: boxes of whole heads, large and certain ones only: one found in a pattern would pad a crop for
nothing. Refuses nothing; a picture without faces has none.
"""

import cv2
import numpy as np

from thumbnails.crop import Box, Pixels
from thumbnails.faces import cascade

LOOK_WIDTH = 480
SMALLEST = 12  # of the short side: smaller ones are people in the background
CERTAIN = 4.0  # the cascade's own weight of its last stage, summed over what agrees
AGREEING = 6
HEAD = 0.25  # of the face's size, around it


def faces(bgr: Pixels) -> list[Box]:
    high, wide = bgr.shape[:2]
    share = min(1.0, LOOK_WIDTH / min(wide, high * 16 // 9 + 1))
    size = (max(1, round(wide * share)), max(1, round(high * share)))
    grey = cv2.cvtColor(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    least = max(24, min(size) // SMALLEST)
    found, _, weights = cascade().detectMultiScale3(
        cv2.equalizeHist(grey),
        scaleFactor=1.1,
        minNeighbors=AGREEING,
        minSize=(least, least),
        outputRejectLevels=True,
    )
    certain = [
        tuple(int(side) for side in box)
        for box, weight in zip(found, np.ravel(weights), strict=True)
        if weight >= CERTAIN
    ]
    return [_head(box, share, wide, high) for box in certain]


def _head(box: tuple[int, ...], share: float, wide: int, high: int) -> Box:
    x, y, width, height = (side / share for side in box)
    left, top = max(0, round(x - HEAD * width)), max(0, round(y - HEAD * height))
    right, bottom = min(wide, round(x + width * (1 + HEAD))), min(high, round(y + height * (1 + HEAD)))
    return Box(x=left, y=top, width=right - left, height=bottom - top)
