"""Black bars: those the whole title has, and those of one frame alone. Pure arithmetic on arrays.

In: small pictures. Out: the box inside the title's bars, whether somebody has put them there, and the share of a frame
that bars of its own take: a portrait clip in a landscape title, a picture in the middle of nothing. A dark side of a
picture is no bar: a bar ends at once.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from thumbnails.reading.colour import Bgr, Gray, lightness
from thumbnails.vision.boxes import WHOLE, ShareBox

_BAR_LUMA = 24
_BAR_MOST = 0.35  # of a side
_LEAST_LEFT = 0.3
_BAKED_LIT = 40  # luma: lit
_BAKED_UNEVEN = 0.04  # of a side: as wide on both
_BAKED_SHARE = 0.5  # of the picture is lit, at some time
_BAKED_ALONG = 0.6  # of an edge: lit, at some time
_OWN_STEP = 10  # mean luma beyond a bar's end, above the bar's
_OWN_SPREAD = 4.0  # standard deviation of luma in a bar


def title_box(pictures: Sequence[Bgr]) -> ShareBox:
    """The box left when rows and columns that are black in all samples are cut off; WHOLE without bars."""
    brightest = _brightest(pictures)
    if brightest is None:
        return WHOLE
    top, bottom = _edges(np.percentile(brightest, 95, axis=1) < _BAR_LUMA)
    left, right = _edges(np.percentile(brightest, 95, axis=0) < _BAR_LUMA)
    # Nothing but bars is a dark title, not a box of nothing.
    box = ShareBox(x=left, y=top, width=right - left, height=bottom - top)
    return box if min(box.width, box.height) >= _LEAST_LEFT else WHOLE


def baked_in(pictures: Sequence[Bgr], box: ShareBox) -> ShareBox:
    """`box`, the title's, where it is cut off by bars that somebody has put there; else WHOLE.

    Those are black to their end, as wide on both sides, and a picture begins behind them all along. The dark edges of
    a room, or of a page, are not.
    """
    brightest = _brightest(pictures)
    if brightest is None or box == WHOLE:
        return WHOLE
    height, width = brightest.shape
    rows, columns = _ends(box.y, box.bottom, height), _ends(box.x, box.right, width)
    if not _is_picture(brightest[slice(*rows), slice(*columns)]):
        return WHOLE
    down = _is_pair(brightest[:, slice(*columns)], rows)
    across = _is_pair(brightest[slice(*rows)].T, columns)
    return ShareBox(
        x=box.x if across else 0.0,
        y=box.y if down else 0.0,
        width=box.width if across else 1.0,
        height=box.height if down else 1.0,
    )


def _ends(first: float, last: float, length: int) -> tuple[int, int]:
    return round(first * length), round(last * length)


def _is_picture(inner: Gray) -> bool:
    """Whether most of it is lit at some time: in a dark title any edge may be a bar's, and text has a dark page."""
    return inner.size > 0 and float((inner > _BAKED_LIT).mean()) >= _BAKED_SHARE


def _is_pair(brightest: Gray, ends: tuple[int, int]) -> bool:
    """Whether the rows above and below the picture's are a pair of bars."""
    first, last = ends
    above, below = brightest[: max(0, first - 1)], brightest[last + 1 :]  # without the row they end in
    if not len(above) or not len(below) or abs(len(above) - len(below)) > _BAKED_UNEVEN * len(brightest):
        return False
    if max(float(np.percentile(bar, 99)) for bar in (above, below)) >= _BAR_LUMA:
        return False
    edges = (brightest[first + 1 : first + 4], brightest[last - 4 : last - 1])
    return all(len(edge) > 0 and float((edge.max(axis=0) > _BAKED_LIT).mean()) >= _BAKED_ALONG for edge in edges)


def _brightest(pictures: Sequence[Bgr]) -> Gray | None:
    """For each point the most light that any of the pictures has there; None without pictures."""
    brightest: Gray | None = None
    for pixels in pictures:
        gray = lightness(pixels)
        if brightest is None or brightest.shape != gray.shape:
            brightest = gray
        brightest = np.maximum(brightest, gray).astype(np.uint8)
    return brightest


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
