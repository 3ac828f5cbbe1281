"""How much of a picture is text. Pure arithmetic on arrays.

In: lightness at some 640 pixels. Out: the share of the area that is text, and whether there is anything else. Letters
are short strong strokes in rows: strokes are found, joined along the row, and a joined piece that is low, long and
dense in strokes is a line of text. No text is recognised.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from thumbnails.reading.colour import Gray

_STROKE = 60  # of 255: how much a letter differs from its ground
_LOW, _HIGH = 6, 60  # pixels a line of text is high
_LONG = 2.2  # times as long as high, at least
_WHOLE_ROW = (13, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCoverage:
    """How much of the picture's area is text (0..1), and how much of the area of all strokes is."""

    share: float
    share_of_strokes: float


NONE = TextCoverage(share=0.0, share_of_strokes=0.0)


def text_coverage(gray: Gray) -> TextCoverage:
    """The text coverage of a grey picture about 640 pixels wide."""
    strokes = cv2.morphologyEx(gray, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    _, mask = cv2.threshold(strokes, _STROKE, 255, cv2.THRESH_BINARY)
    joined = cv2.morphologyEx(mask, cv2.MORPH_CLOSE, np.ones(_WHOLE_ROW[::-1], np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(joined, connectivity=4)
    if count <= 1:
        return NONE
    wide, high, area = stats[:, cv2.CC_STAT_WIDTH], stats[:, cv2.CC_STAT_HEIGHT], stats[:, cv2.CC_STAT_AREA]
    box = wide * high
    lines = (high >= _LOW) & (high <= _HIGH) & (wide >= _LONG * high) & (area >= 0.5 * box)
    lines[0] = False  # the ground
    if not lines.any():
        return NONE
    # Strokes of letters go down as often as along: an edge of a thing is one long line.
    down = np.abs(cv2.Sobel(gray, cv2.CV_16S, 1, 0)) > 2 * _STROKE
    downs = np.bincount(labels.ravel(), weights=down.ravel().astype(np.float64), minlength=count)
    lines &= downs >= 0.2 * area
    return TextCoverage(
        share=float(box[lines].sum() / gray.size), share_of_strokes=float(area[lines].sum() / area[1:].sum())
    )
