"""Black bars: those the whole title has, and those of one frame alone. Pure arithmetic on arrays.

In: small pictures. Out: the box inside the title's bars, and the share of a frame that bars of its own take: a portrait
clip in a landscape title, a picture in the middle of nothing. A dark side of a picture is no bar: a bar ends at once.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Bgr, Gray, lightness
from thumbnails.vision.boxes import WHOLE, ShareBox

_BAR_LUMA = 24
_BAR_MOST = 0.35  # of a side
_LEAST_LEFT = 0.3
_OWN_STEP = 10  # mean luma beyond a bar's end, above the bar's
_OWN_SPREAD = 4.0  # standard deviation of luma in a bar


def title_box(pictures: Sequence[Bgr]) -> ShareBox:
    """The box left when rows and columns that are black in all samples are cut off; WHOLE without bars."""
    brightest: Gray | None = None
    for pixels in pictures:
        gray = lightness(pixels)
        if brightest is None or brightest.shape != gray.shape:
            brightest = gray
        brightest = np.maximum(brightest, gray).astype(np.uint8)
    if brightest is None:
        return WHOLE
    top, bottom = _edges(np.percentile(brightest, 95, axis=1) < _BAR_LUMA)
    left, right = _edges(np.percentile(brightest, 95, axis=0) < _BAR_LUMA)
    # Nothing but bars is a dark title, not a box of nothing.
    box = ShareBox(x=left, y=top, width=right - left, height=bottom - top)
    return box if min(box.width, box.height) >= _LEAST_LEFT else WHOLE


def _edges(dark: npt.NDArray[np.bool_]) -> tuple[float, float]:
    lit = np.flatnonzero(~dark)
    if not len(lit):
        return 0.0, 0.0
    first, last = int(lit[0]) / len(dark), (int(lit[-1]) + 1) / len(dark)
    return (first if first <= _BAR_MOST else 0.0), (last if last >= 1 - _BAR_MOST else 1.0)


def inside(pixels: Bgr, box: ShareBox) -> Bgr:
    """The part of a picture within a box: a view, not a copy."""
    height, width = pixels.shape[:2]
    rows = slice(round(box.y * height), round(box.bottom * height))
    return pixels[rows, round(box.x * width) : round(box.right * width)]


def own_share(gray: Gray) -> float:
    """The share (0..1) of a frame's area that black bars of its own take."""
    across = _bar(gray.T) + _bar(gray.T[::-1])
    down = _bar(gray) + _bar(gray[::-1])
    return 1 - (1 - across) * (1 - down)


def _bar(gray: npt.NDArray[np.uint8]) -> float:
    """The share of rows at the top that are one bar."""
    if not len(gray) or gray[0].mean() >= _BAR_LUMA:
        return 0.0
    tops = gray[: len(gray) // 2]
    black = (tops.mean(axis=1) < _BAR_LUMA) & (tops.std(axis=1) < _OWN_SPREAD)
    end = len(tops) if black.all() else int(np.argmin(black))
    if end in (0, len(tops)):
        return 0.0
    beyond = gray[end : end + 3].mean()
    return end / len(gray) if beyond > gray[:end].mean() + _OWN_STEP else 0.0
