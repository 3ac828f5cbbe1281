"""Why a frame is a candidate, in one sentence. Pure. In: ranks, weights and facts. Out: English for a person."""

from collections.abc import Mapping

_SAID = {
    "sharpness": "sharp",
    "stillness": "hardly moving",
    "exposure": "well exposed",
    "saliency": "clearly composed",
    "face": "showing a face",
    "colour": "colourful",
    "position": "from the first half",
}
_FAULTS = {
    "black": "almost black",
    "white": "almost white",
    "flat": "without contrast",
    "one_tone": "nearly one tone",
    "card": "a plain card with letters",
    "blurred": "blurred",
    "fade": "inside a fade",
    "dissolve": "inside a dissolve",
    "undecodable": "damaged",
}
_OFTEN = 0.25


def reason(
    ranks: Mapping[str, float],
    weights: Mapping[str, float],
    *,
    share: float,
    text: float,
    likes_text: bool,
    fault: str | None,
) -> str:
    """`share` is of frames that look like it, `text` 0..1, `fault` the gate it failed where nothing better is left."""
    if fault:
        return f"Nothing better was found: this frame is {_FAULTS[fault]}."
    gains = {_SAID[name]: weights[name] * (rank - 0.5) for name, rank in ranks.items() if rank >= 0.6}
    if likes_text and text > 0.3:
        gains["readable text on it"] = text
    best = sorted(gains, key=lambda said: (-gains[said], said))[:3]
    what = "A frame like most" if not best else _listed(best)
    often = f", and {share:.0%} of the title looks like it" if share >= _OFTEN else ""
    return f"{what[0].upper()}{what[1:]}{often}."


def _listed(said: list[str]) -> str:
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
