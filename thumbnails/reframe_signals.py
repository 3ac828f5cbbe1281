"""What in a picture is worth being seen, column by column. Pure: pixels in, numbers out.

A window as high as the picture moves only sideways, so a picture is its columns: BINS shares of what matters in it.
"""

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.faces import cascade
from thumbnails.reframe_frames import Pixels

BINS = 160
Columns = npt.NDArray[np.float64]
FLAT = 2.5  # levels: where light varies less there is nothing but noise
STANDS_OUT = 1.5  # times the mean: a calm background adds up over a column
MOTION_SHARE = 0.4
NOISE = 6.0  # a difference of two frames up to this is the camera's or the codec's
FACES_MIN = 36  # pixels of 640: smaller ones the cascade guesses, and looks for three times as long
FACE_NEIGHBOURS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A face or a line of text, in shares of the picture's width and height."""

    x: float
    y: float
    w: float
    h: float

    @property
    def middle(self) -> float:
        return self.x + self.w / 2


def palette(small: Pixels) -> npt.NDArray[np.float32]:
    """Hue, saturation and value counted, as shares: pictures of one shot are alike in it."""
    hsv = cv2.cvtColor(cv2.resize(small, (80, 45), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2HSV)
    counted = cv2.calcHist([hsv], [0, 1, 2], None, [12, 4, 6], [0, 180, 0, 256, 0, 256]).ravel()
    return np.asarray(counted / counted.sum(), dtype=np.float32)


def grid(gray: Pixels) -> npt.NDArray[np.float32]:
    """The picture in 32x18 patches of light."""
    return np.asarray(cv2.resize(gray, (32, 18), interpolation=cv2.INTER_AREA), dtype=np.float32)


def columns(gray: Pixels, before: Pixels | None) -> Columns:
    """What stands out and what moves; sums to 1, or to 0 where nothing does."""
    if float(gray.std()) < FLAT:
        return np.zeros(BINS)
    still = _shares(_raised(_saliency(gray).sum(axis=0)))
    moving, lively = _motion(gray, before)
    return still * (1 - lively) + moving * lively


def _saliency(gray: Pixels) -> npt.NDArray[np.float64]:
    """Spectral residual (Hou and Zhang): what the smooth part of the spectrum does not foretell."""
    side = 64
    small = cv2.resize(gray, (side, round(side * gray.shape[0] / gray.shape[1])), interpolation=cv2.INTER_AREA)
    spectrum = np.fft.fft2(small.astype(np.float64))
    size = np.log(np.abs(spectrum) + 1e-3)
    residual = size - cv2.blur(size, (3, 3))
    seen = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    seen = np.asarray(cv2.GaussianBlur(seen, (0, 0), 1.5), dtype=np.float64)
    # The transform takes the picture for a tile of many: its own edges stand out for nothing.
    edge = max(1, side // 32)
    seen[:edge], seen[-edge:], seen[:, :edge], seen[:, -edge:] = 0, 0, 0, 0
    return np.asarray(np.maximum(seen - STANDS_OUT * float(seen.mean()), 0))


def _motion(gray: Pixels, before: Pixels | None) -> tuple[Columns, float]:
    """Columns, and how much they should count: little where all of the picture moves, which is the camera."""
    if before is None:
        return np.zeros(BINS), 0.0
    changed = cv2.absdiff(gray, before).astype(np.float32)
    changed = np.maximum(cv2.blur(changed, (5, 5)) - NOISE - float(np.median(changed)), 0)
    moved = float((changed > NOISE).mean())
    if moved < 0.0005:
        return np.zeros(BINS), 0.0
    lively = MOTION_SHARE * min(1.0, moved / 0.004) * max(0.1, 1 - 2 * moved)
    return _shares(changed.sum(axis=0, dtype=np.float64)), lively


def _raised(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Above what most columns have."""
    return np.maximum(values - np.percentile(values, 40), 0)


def _shares(values: Columns) -> Columns:
    wide = np.asarray(cv2.resize(values.reshape(1, -1), (BINS, 1), interpolation=cv2.INTER_LINEAR), dtype=np.float64)
    total = float(wide.sum())
    return wide.ravel() / total if total > 1e-9 else np.zeros(BINS)


def faces(gray: Pixels) -> list[Box]:
    """Faces that look at the camera, in a picture about 640 pixels wide."""
    high, wide = gray.shape
    found = cascade().detectMultiScale(
        cv2.equalizeHist(gray), scaleFactor=1.15, minNeighbors=FACE_NEIGHBOURS, minSize=(FACES_MIN, FACES_MIN)
    )
    return [Box(x=x / wide, y=y / high, w=w / wide, h=h / high) for x, y, w, h in found]


def texts(gray: Pixels) -> list[Box]:
    """Lines of text in a picture about 640 pixels wide: rows of close strokes with calm above and below them."""
    high, wide = gray.shape
    slope = cv2.convertScaleAbs(cv2.Sobel(gray, cv2.CV_16S, 1, 0))
    strokes = (slope > 90).astype(np.uint8)
    joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, np.ones((3, 17), np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((4, 9), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    words = [_Rectangle(*(int(value) for value in stats[number][:4])) for number in range(1, count)]
    return [
        Box(x=line.x / wide, y=line.y / high, w=line.w / wide, h=line.h / high)
        for line in _lines([word for word in words if 6 <= word.h <= high // 6])
        if line.w >= 3 * line.h and _is_text(strokes, *line)
    ]


class _Rectangle(NamedTuple):
    """In pixels."""

    x: int
    y: int
    w: int
    h: int


def _lines(words: list[_Rectangle]) -> list[_Rectangle]:
    """Words beside each other, as one."""
    lines: list[_Rectangle] = []
    for word in sorted(words):
        for number, line in enumerate(lines):
            level = min(line.y + line.h, word.y + word.h) - max(line.y, word.y)
            near = word.x - (line.x + line.w) < 1.2 * max(line.h, word.h)
            if near and level > 0.6 * max(line.h, word.h):
                top, right = min(line.y, word.y), max(line.x + line.w, word.x + word.w)
                bottom = max(line.y + line.h, word.y + word.h)
                lines[number] = _Rectangle(line.x, top, right - line.x, bottom - top)
                break
        else:
            lines.append(word)
    return lines


def _is_text(strokes: Pixels, x: int, y: int, w: int, h: int) -> bool:
    inside = strokes[y : y + h, x : x + w]
    density = float(inside.mean())
    margin = max(2, h // 3)
    above = strokes[max(0, y - margin) : y, x : x + w]
    below = strokes[y + h : y + h + margin, x : x + w]
    calm = all(part.size == 0 or float(part.mean()) < 0.25 * density for part in (above, below))
    starts = float((np.diff(inside.astype(np.int8), axis=1) == 1).sum(axis=1).mean())
    # About two strokes in the width of a letter, which is little more than half its height.
    return calm and 0.12 < density < 0.75 and starts > 1.0 * w / h
