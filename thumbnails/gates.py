"""Which frames no poster may be. Pure.

In: the signals of all samples of a title. Out: for each the name of the gate that stops it, or None. What only frames
in a row show (fades, dissolves) is in thumbnails.transition.
"""

from collections.abc import Sequence

import numpy as np

from thumbnails.look import Signals

BLACK, WHITE = 16, 240  # mean luma
FLAT = 12  # contrast
ONE_BIN = 0.85
BLURRED = 2.2  # sharpness: nothing in the picture has an edge
BLURRED_SHARE = 1.7  # below the title's own upper quartile: a fifth of its variance
CARD_GROUND, CARD_TEXT = 0.6, 0.004  # a plain ground with letters on it


def gates(samples: Sequence[Signals], *, cards: str) -> list[str | None]:
    """`cards`: whether a plain card with letters is "refused", "allowed" or "wanted"."""
    lively = [one.sharpness for one in samples if one.contrast >= FLAT and not is_card(one)]
    usual = float(np.percentile(lively, 75)) if lively else 0.0
    return [_gate(one, usual, cards=cards) for one in samples]


def _gate(one: Signals, usual: float, *, cards: str) -> str | None:
    card = is_card(one)
    if card and cards == "wanted":
        return None  # a slide: white, plain and readable
    if one.luma < BLACK:
        return "black"
    if one.luma > WHITE:
        return "white"
    if one.contrast < FLAT:
        return "flat"
    if card and cards == "refused":
        return "card"
    if one.top_bin > ONE_BIN:
        return "one_tone"
    if one.sharpness < max(BLURRED, usual - BLURRED_SHARE):
        return "blurred"
    return None


def is_card(one: Signals) -> bool:
    return one.top_bin > CARD_GROUND and one.text > CARD_TEXT
