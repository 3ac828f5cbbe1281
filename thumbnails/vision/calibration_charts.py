"""Test cards: colour bars, as cameras and studios put before a film. Pure arithmetic on arrays.

In: a small picture. Out: whether it is a test card. Bars are the same in nearly every row, few, flat and of strong
colours; no natural scene is.
"""

import numpy as np

from thumbnails.reading.colour import Bgr

_ROWS = 0.64  # of the height, from above: below the bars, cards have other things
_EVERY, _LEAST = 4, 4  # rows are looked at, and at least so many
_SAME = 10  # of 255: how much a row may differ from the usual one
_LIKE = 0.6  # of the points do not
_STEP = 60  # of 255 in a colour: from one bar to the next
_STEPS = (5, 14)
_FLAT = 0.7  # of the columns are inside a bar
_STRONG, _STRONG_SHARE = 100, 0.4  # range of a point's colours, and of how many columns


def is_test_card(pixels: Bgr) -> bool:
    """Whether a small BGR picture is made of colour bars."""
    upper = pixels[: round(len(pixels) * _ROWS) : _EVERY].astype(np.int16)
    if upper.shape[0] < _LEAST or upper.shape[1] < _LEAST * _EVERY:
        return False
    usual = np.median(upper, axis=0)
    if float((np.abs(upper - usual).max(axis=2) <= _SAME).mean()) < _LIKE:
        return False
    change = np.abs(usual[4:] - usual[:-4]).max(axis=1)
    steps = int(np.count_nonzero((change[1:] > _STEP) & (change[:-1] <= _STEP)))
    strong = (usual.max(axis=1) - usual.min(axis=1) > _STRONG).mean()
    return bool(_STEPS[0] <= steps <= _STEPS[1] and (change < _SAME).mean() >= _FLAT and strong >= _STRONG_SHARE)
