"""Faces in a picture, by OpenCV's own cascade. In: lightness. Out: boxes. Refuses nothing; finds front views only."""

import math
from functools import cache
from pathlib import Path

import cv2

from thumbnails.colour import Gray

WIDTH = 320  # at which faces are looked for: one of a tenth of the width is found
LEAST_SHARE = 0.06  # of the short side
LARGE = 0.05  # of the picture's area: a face as large as a poster wants it

Box = tuple[float, float, float, float]  # x, y, width, height as shares of the picture


def faces(gray: Gray) -> list[Box]:
    """Largest first."""
    height, width = gray.shape
    scale = min(1.0, WIDTH / max(width, height))
    small = cv2.resize(gray, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    least = max(24, round(min(small.shape) * LEAST_SHARE))
    high, wide = small.shape
    found = cascade().detectMultiScale(small, scaleFactor=1.15, minNeighbors=6, minSize=(least, least))
    boxes = [(x / wide, y / high, w / wide, h / high) for x, y, w, h in found]
    return sorted(boxes, key=lambda box: (-box[2] * box[3], box))


def presence(boxes: list[Box]) -> float:
    """0 without a face, 1 with faces as large as a poster wants them."""
    return math.sqrt(min(1.0, sum(width * height for _, _, width, height in boxes) / LARGE))


@cache
def cascade() -> cv2.CascadeClassifier:
    """OpenCV's own of front views: a file of its wheel, never an upload."""
    return cv2.CascadeClassifier(str(Path(cv2.__file__).parent / "data" / "haarcascade_frontalface_default.xml"))
