"""The importance of each column of a frame: what is salient or moves there. Pure: pixels in, numbers out.

A window as high as the picture moves only sideways, so a picture is its columns: BINS shares of what matters in it.
"""

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Bgr, Gray
from thumbnails.vision.boxes import PixelBox, ShareBox
from thumbnails.vision.faces import FaceSearch, find_faces
from thumbnails.vision.saliency import SIDE, ResidualSettings, spectral_residual

BINS = 160
Columns = npt.NDArray[np.float64]
FLAT = 2.5  # levels: where light varies less there is nothing but noise
STANDS_OUT = 1.5  # times the mean: a calm background adds up over a column
MOTION_SHARE = 0.4
NOISE = 6.0  # a difference of two frames up to this is the camera's or the codec's
# Hundreds of pictures are searched, and a face is believed once it is found twice: coarse steps. Smaller faces than
# this, in a picture 640 pixels wide, the cascade guesses, and looks for three times as long.
REFRAME_FACES = FaceSearch(scale_step=1.15, min_neighbours=6, min_pixels=36, equalised=True)
# The column a thing stands in counts: blurred little, and in the picture's own shape.
REFRAME_SALIENCY = ResidualSettings(blur_sigma=1.5, log_floor=1e-3, keeps_aspect=True)


def palette(small: Bgr) -> npt.NDArray[np.float32]:
    """The histogram of hue, saturation and value (12 x 4 x 6, flat, sum 1): frames of one shot have similar ones."""
    hsv = cv2.cvtColor(cv2.resize(small, (80, 45), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2HSV)
    counted = cv2.calcHist([hsv], [0, 1, 2], None, [12, 4, 6], [0, 180, 0, 256, 0, 256]).ravel()
    return np.asarray(counted / counted.sum(), dtype=np.float32)


def grid(gray: Gray) -> npt.NDArray[np.float32]:
    """The picture's light in 32 x 18 patches, 0..255: frames of one shot have the same shapes in it."""
    return np.asarray(cv2.resize(gray, (32, 18), interpolation=cv2.INTER_AREA), dtype=np.float32)


def columns(gray: Gray, before: Gray | None) -> Columns:
    """The importance of BINS columns, from saliency and motion since frame `before`; sums to 1, or to 0 for none."""
    if float(gray.std()) < FLAT:
        return np.zeros(BINS)
    still = _shares(_raised(_salient(gray).sum(axis=0)))
    moving, lively = _motion(gray, before)
    return still * (1 - lively) + moving * lively


def _salient(gray: Gray) -> npt.NDArray[np.float64]:
    """What stands out of the picture's calm, in a map of SIDE columns."""
    salient = spectral_residual(gray, REFRAME_SALIENCY).astype(np.float64)
    # The transform takes the picture for a tile of many: its own edges stand out for nothing.
    edge = max(1, SIDE // 32)
    salient[:edge], salient[-edge:], salient[:, :edge], salient[:, -edge:] = 0, 0, 0, 0
    return np.asarray(np.maximum(salient - STANDS_OUT * float(salient.mean()), 0))


def _motion(gray: Gray, before: Gray | None) -> tuple[Columns, float]:
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
    """Column sums above their 40th percentile."""
    return np.maximum(values - np.percentile(values, 40), 0)


def _shares(values: Columns) -> Columns:
    wide = np.asarray(cv2.resize(values.reshape(1, -1), (BINS, 1), interpolation=cv2.INTER_LINEAR), dtype=np.float64)
    total = float(wide.sum())
    return wide.ravel() / total if total > 1e-9 else np.zeros(BINS)


def faces(gray: Gray) -> list[ShareBox]:
    """Faces that look at the camera, in a picture about 640 pixels wide."""
    height, width = gray.shape
    return [face.share_of(width, height) for face in find_faces(gray, REFRAME_FACES)]


def texts(gray: Gray) -> list[ShareBox]:
    """Lines of text in a picture about 640 pixels wide: rows of close strokes with calm above and below them."""
    high, wide = gray.shape
    slope = cv2.convertScaleAbs(cv2.Sobel(gray, cv2.CV_16S, 1, 0))
    strokes = (slope > 90).astype(np.uint8)
    joined = cv2.morphologyEx(strokes, cv2.MORPH_CLOSE, np.ones((3, 17), np.uint8))
    joined = cv2.morphologyEx(joined, cv2.MORPH_OPEN, np.ones((4, 9), np.uint8))
    count, _, stats, _ = cv2.connectedComponentsWithStats(joined)
    words = [_word(stats[number]) for number in range(1, count)]
    return [
        line.share_of(wide, high)
        for line in _lines([word for word in words if 6 <= word.height <= high // 6])
        if line.width >= 3 * line.height and _is_text(strokes, line)
    ]


def _word(stats: npt.NDArray[np.int32]) -> PixelBox:
    x, y, width, height = (int(value) for value in stats[:4])
    return PixelBox(x=x, y=y, width=width, height=height)


def _lines(words: list[PixelBox]) -> list[PixelBox]:
    """Words beside each other, as one box per line."""
    lines: list[PixelBox] = []
    for word in sorted(words, key=lambda one: (one.x, one.y, one.width, one.height)):
        for number, line in enumerate(lines):
            tallest = max(line.height, word.height)
            overlap = min(line.y + line.height, word.y + word.height) - max(line.y, word.y)
            if word.x - (line.x + line.width) < 1.2 * tallest and overlap > 0.6 * tallest:
                lines[number] = _joined(line, word)
                break
        else:
            lines.append(word)
    return lines


def _joined(line: PixelBox, word: PixelBox) -> PixelBox:
    """The box around both; `word` begins no further left than `line`."""
    top = min(line.y, word.y)
    right = max(line.x + line.width, word.x + word.width)
    bottom = max(line.y + line.height, word.y + word.height)
    return PixelBox(x=line.x, y=top, width=right - line.x, height=bottom - top)


def _is_text(strokes: Gray, line: PixelBox) -> bool:
    """Whether a box has the stroke density of letters, with calm above and below it."""
    columns = slice(line.x, line.x + line.width)
    end = line.y + line.height
    inside = strokes[line.y : end, columns]
    density = float(inside.mean())
    margin = max(2, line.height // 3)
    above = strokes[max(0, line.y - margin) : line.y, columns]
    below = strokes[end : end + margin, columns]
    calm = all(part.size == 0 or float(part.mean()) < 0.25 * density for part in (above, below))
    starts = float((np.diff(inside.astype(np.int8), axis=1) == 1).sum(axis=1).mean())
    # About two strokes in the width of a letter, which is little more than half its height.
    return calm and 0.12 < density < 0.75 and starts > 1.0 * line.width / line.height
