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
    """For each sample the name of the gate that stops it, or None.

    `cards`: whether a plain card with text is "refused", "allowed" or "wanted".
    """
    sharpness_of_pictures = [sample.sharpness for sample in samples if not _empty_gate(sample) and not is_card(sample)]
    usual_sharpness = float(np.percentile(sharpness_of_pictures, 75)) if sharpness_of_pictures else -np.inf
    gates_failed = [_gate(sample, usual_sharpness, cards=cards) for sample in samples]
    if all(gates_failed) and {"card", "test_card"} & set(gates_failed):
        # A title of nothing but cards: then one of them it is.
        lenient = "allowed" if cards == "refused" else cards
        return [_gate(replace(sample, test_card=False), usual_sharpness, cards=lenient) for sample in samples]
    return gates_failed


def _gate(sample: Signals, usual_sharpness: float, *, cards: str) -> str | None:
    card = is_card(sample)
    if card and cards == "wanted":
        return None  # a slide: white, plain and readable
    if empty_gate := _empty_gate(sample):
        return empty_gate
    if sample.test_card:
        return "test_card"
    if card and cards == "refused":
        return "card"
    if sample.top_bin > ONE_BIN:
        return "one_tone"
    if sample.bars > BARS:
        return "bars"
    if sample.strength < NO_EDGE or (sample.sharpness < BLURRED and sample.sharpness < usual_sharpness - BLURRED_BELOW):
        return "blurred"
    return None


def _empty_gate(sample: Signals) -> str | None:
    """The name of the gate for frames that show nothing: black, white or flat. None for any other."""
    if sample.luma < BLACK:
        return "black"
    if sample.luma > WHITE:
        return "white"
    return "flat" if sample.contrast < FLAT and sample.span < FLAT_SPAN else None


def is_card(sample: Signals) -> bool:
    """Whether a frame is a title card: text on one tone or on a calm background."""
    if sample.text <= CARD_TEXT:
        return False
    return sample.top_bin > CARD_GROUND or (sample.calm > CARD_CALM and sample.text_of_strokes > CARD_ALONE)
