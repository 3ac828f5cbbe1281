"""Where to cut a picture so that what matters stays in: importance, a window of it, the cut itself. Pure.

In: BGR pixels and an aspect ratio. Out: the window as a `PixelBox`, or None where the boxes that must stay (faces) do
not fit; `cut` then shows the whole picture over a blurred enlargement of itself. Refuses nothing: every picture has
some cut.
"""

from collections.abc import Sequence
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Bgr, Gray
from thumbnails.vision.boxes import PixelBox
from thumbnails.vision.saliency import ResidualSettings, SaliencyMap, spectral_residual

MAP_SIDE = 160  # the long side of the picture that importance is measured on
# What stands at a side must not stand out because the other side differs.
CROP_SALIENCY = ResidualSettings(blur_sigma=2.5, log_floor=1e-6, mirrored=True)
FAINT_EDGE, FAINT_COLOUR = 24, 24  # shades of a wall and grain: of no weight, however much of them there is
CENTRE_PULL = 0.15  # of a picture that says nothing, the middle is the best guess
CUT_STRIP, CUT_COST = 0.06, 1.5  # of the window's side: a thing half in is worse than one left out
_WEIGHTS = {"saliency": 0.45, "edges": 0.35, "colour": 0.2}
_FACE_WEIGHT = 4.0


def window(
    bgr: Bgr, aspect: Fraction, faces: Sequence[PixelBox] = (), weights: SaliencyMap | None = None
) -> PixelBox | None:
    """The largest window of `aspect` (width / height) with the most importance, or None if the faces do not fit.

    `weights` is the picture's `importance`, for who cuts several windows of it.
    """
    high, wide = bgr.shape[:2]
    width, height = _largest(wide, high, aspect)
    columns = _allowed(wide, width, [(face.x, face.x + face.width) for face in faces])
    rows = _allowed(high, height, [(face.y, face.y + face.height) for face in faces])
    if columns is None or rows is None:
        return None
    weights = importance(bgr, faces) if weights is None else weights
    sums = cv2.integral(weights, sdepth=cv2.CV_64F).astype(np.float64, copy=False)
    scale_x, scale_y = weights.shape[1] / wide, weights.shape[0] / high
    positions = ((x, y) for x in _steps(columns, scale_x) for y in _steps(rows, scale_y))

    def score(position: tuple[int, int]) -> tuple[float, float]:
        left, top = position[0] * scale_x, position[1] * scale_y
        worth = _worth(sums, left, top, width * scale_x, height * scale_y)
        return worth, -abs(position[0] + width / 2 - wide / 2) - abs(position[1] + height / 2 - high / 2)

    x, y = max(positions, key=score)
    return PixelBox(x=x, y=y, width=width, height=height)


def cut(bgr: Bgr, box: PixelBox | None, aspect: Fraction, short_side: int) -> Bgr:
    """The picture in `aspect`, its short side at most `short_side` and at most what the window itself has."""
    if box is None:
        return _letterboxed(bgr, aspect, short_side)
    part = bgr[box.y : box.y + box.height, box.x : box.x + box.width]
    width, height = target(aspect, min(short_side, *part.shape[:2]))
    # A window is whole pixels: the exact shape of its short side can be one more than it has.
    return _scaled(part, (min(width, box.width), min(height, box.height)))


def target(aspect: Fraction, short_side: int) -> tuple[int, int]:
    """(width, height) in pixels of a picture of `aspect` whose short side is `short_side`."""
    if aspect >= 1:
        return round(short_side * aspect), short_side
    return short_side, round(short_side / aspect)


def importance(bgr: Bgr, faces: Sequence[PixelBox] = ()) -> SaliencyMap:
    """How much each place matters, mean 1, at most 160 a side."""
    small = _scaled_to(bgr, MAP_SIDE)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.uint8, copy=False)
    parts = {
        "saliency": _enlarged(spectral_residual(grey, CROP_SALIENCY), grey),
        "edges": _edges(grey),
        "colour": _vividness(small),
    }
    total = sum((weight * _even(parts[name]) for name, weight in _WEIGHTS.items()), np.zeros_like(grey, np.float32))
    rows, columns = np.mgrid[-1 : 1 : total.shape[0] * 1j, -1 : 1 : total.shape[1] * 1j]
    total = total * (1 - CENTRE_PULL + CENTRE_PULL * np.exp(-2 * (rows**2 + columns**2)))
    total = _even(total)
    share = small.shape[1] / bgr.shape[1]
    for face in faces:
        x, y = int(face.x * share), int(face.y * share)
        total[y : y + max(1, int(face.height * share)), x : x + max(1, int(face.width * share))] += _FACE_WEIGHT
    return total


def _largest(wide: int, high: int, aspect: Fraction) -> tuple[int, int]:
    if Fraction(wide, high) >= aspect:
        return max(1, min(wide, round(high * aspect))), high
    return wide, max(1, min(high, round(wide / aspect)))


def _allowed(side: int, length: int, spans: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    """From where to where a window of `length` may begin to hold all spans."""
    least = max([0, *(end - length for _, end in spans)])
    most = min([side - length, *(begin for begin, _ in spans)])
    return (least, most) if least <= most else None


def _steps(allowed: tuple[int, int], scale: float) -> list[int]:
    """About one place per pixel of the importance map, both ends among them."""
    count = max(2, round((allowed[1] - allowed[0]) * scale) + 1)
    return sorted({round(place) for place in np.linspace(*allowed, count)})


def _worth(sums: npt.NDArray[np.float64], x: float, y: float, width: float, height: float) -> float:
    """What a window holds, less what stands at its sides: that is cut through, or looks as if."""
    if sums.shape[1] - width > sums.shape[0] - height:
        strip = width * CUT_STRIP
        sides = _sum(sums, x, y, strip, height) + _sum(sums, x + width - strip, y, strip, height)
    else:
        strip = height * CUT_STRIP
        sides = _sum(sums, x, y, width, strip) + _sum(sums, x, y + height - strip, width, strip)
    return round(_sum(sums, x, y, width, height) - CUT_COST * sides, 4)


def _sum(sums: npt.NDArray[np.float64], x: float, y: float, width: float, height: float) -> float:
    bottom, right = sums.shape[0] - 1, sums.shape[1] - 1
    left, top = min(max(round(x), 0), right), min(max(round(y), 0), bottom)
    end_x, end_y = min(max(round(x + width), 0), right), min(max(round(y + height), 0), bottom)
    return float(sums[end_y, end_x] - sums[top, end_x] - sums[end_y, left] + sums[top, left])


def _enlarged(saliency: SaliencyMap, grey: Gray) -> SaliencyMap:
    """A saliency map scaled to the size of `grey`."""
    return cv2.resize(saliency, (grey.shape[1], grey.shape[0])).astype(np.float32, copy=False)


def _edges(grey: Gray) -> SaliencyMap:
    """A map of dense fine detail, of which text has most."""
    across = cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    # The root keeps one hard edge from outweighing a whole paragraph.
    strong = np.maximum(cv2.magnitude(across, down) - FAINT_EDGE, 0)
    return cv2.blur(np.sqrt(strong), (7, 7)).astype(np.float32, copy=False)


def _vividness(bgr: Bgr) -> SaliencyMap:
    """A map of how far each point is from the picture's median colour."""
    lab = cv2.cvtColor(bgr, cv2.COLOR_BGR2LAB).astype(np.float32)
    away: SaliencyMap = np.linalg.norm(lab - np.median(lab.reshape(-1, 3), axis=0), axis=2)
    return cv2.blur(np.maximum(away - FAINT_COLOUR, 0), (5, 5)).astype(np.float32, copy=False)


def _even(part: SaliencyMap) -> SaliencyMap:
    mean = float(part.mean())
    return (part / mean if mean > 0 else np.ones_like(part)).astype(np.float32)


def _letterboxed(bgr: Bgr, aspect: Fraction, short_side: int) -> Bgr:
    high, wide = bgr.shape[:2]
    # Never upscaled: the whole picture fits in at its own size at most.
    grown = max(Fraction(wide), high * aspect)
    sides = (round(grown), round(grown / aspect))
    width, height = target(aspect, min(short_side, *sides))
    fill = max(width / wide, height / high)
    behind = _scaled(bgr, (max(width, round(wide * fill)), max(height, round(high * fill))))
    left, top = (behind.shape[1] - width) // 2, (behind.shape[0] - height) // 2
    blurred = cv2.GaussianBlur(behind[top : top + height, left : left + width], (0, 0), min(width, height) / 24)
    picture = (blurred * 0.6).astype(np.uint8)  # darker, or it competes with the picture
    fit = min(width / wide, height / high)
    front = _scaled(bgr, (min(width, max(1, round(wide * fit))), min(height, max(1, round(high * fit)))))
    left, top = (width - front.shape[1]) // 2, (height - front.shape[0]) // 2
    picture[top : top + front.shape[0], left : left + front.shape[1]] = front
    return picture


def _scaled_to(bgr: Bgr, long_side: int) -> Bgr:
    high, wide = bgr.shape[:2]
    share = min(1.0, long_side / max(wide, high))
    return _scaled(bgr, (max(1, round(wide * share)), max(1, round(high * share))))


def _scaled(bgr: Bgr, size: tuple[int, int]) -> Bgr:
    if size == (bgr.shape[1], bgr.shape[0]):
        return bgr
    smaller = size[0] < bgr.shape[1]
    interpolation = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return cv2.resize(bgr, size, interpolation=interpolation).astype(np.uint8, copy=False)
