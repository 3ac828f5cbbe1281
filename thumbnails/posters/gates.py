"""Gates: which frames must not become a poster. Pure.

In: the signals of all samples of a title. Out: for each the name of the gate that stops it, or None. What only frames
in a row show (fades, dissolves) is in thumbnails.vision.transition.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from thumbnails.vision.frame_signals import Signals

BLACK, WHITE = 16, 240  # mean luma
FLAT, FLAT_SPAN = 12, 48  # contrast, and luma from darkest to brightest: a small thing on a plain ground is a picture
ONE_BIN = 0.85
NO_EDGE = 0.15  # strength: nothing in the picture has an edge
BLURRED, BLURRED_BELOW = -2.0, 0.3  # sharpness: out of focus, and so much below the title's own upper quartile
BARS = 0.35  # of the area
CARD_GROUND, CARD_CALM, CARD_TEXT = 0.6, 0.75, 0.004  # one tone or a calm ground, with letters on it
CARD_ALONE = 0.5  # of the strokes on a calm ground are letters


def gates(samples: Sequence[Signals], *, cards: str) -> list[str | None]:
    """`cards`: whether a plain card with letters is "refused", "allowed" or "wanted"."""
    lively = [one.sharpness for one in samples if not _lacks(one) and not is_card(one)]
    usual = float(np.percentile(lively, 75)) if lively else -np.inf
    found = [_gate(one, usual, cards=cards) for one in samples]
    if all(found) and {"card", "test_card"} & set(found):
        # A title of nothing but cards: then one of them it is.
        lenient = "allowed" if cards == "refused" else cards
        return [_gate(replace(one, test_card=False), usual, cards=lenient) for one in samples]
    return found


def _gate(one: Signals, usual: float, *, cards: str) -> str | None:
    card = is_card(one)
    if card and cards == "wanted":
        return None  # a slide: white, plain and readable
    if lack := _lacks(one):
        return lack
    if one.test_card:
        return "test_card"
    if card and cards == "refused":
        return "card"
    if one.top_bin > ONE_BIN:
        return "one_tone"
    if one.bars > BARS:
        return "bars"
    if one.strength < NO_EDGE or (one.sharpness < BLURRED and one.sharpness < usual - BLURRED_BELOW):
        return "blurred"
    return None


def _lacks(one: Signals) -> str | None:
    """The name of the gate for frames that show nothing: black, white or flat. None for any other."""
    if one.luma < BLACK:
        return "black"
    if one.luma > WHITE:
        return "white"
    return "flat" if one.contrast < FLAT and one.span < FLAT_SPAN else None


def is_card(one: Signals) -> bool:
    if one.text <= CARD_TEXT:
        return False
    return one.top_bin > CARD_GROUND or (one.calm > CARD_CALM and one.text_alone > CARD_ALONE)
