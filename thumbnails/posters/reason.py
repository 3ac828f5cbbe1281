"""Why a frame is a candidate, in one sentence. Pure. In: ranks, weights, flaws and facts. Out: English for a person."""

from collections.abc import Mapping

_STRENGTHS = {
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
    "test_card": "a test card",
    "bars": "mostly black bars",
    "blurred": "blurred",
    "shaken": "shaken",
    "fade": "inside a fade",
    "dissolve": "inside a dissolve",
    "undecodable": "damaged",
}
_FLAWS = {
    "sharpness": "a little soft",
    "noise": "grainy",
    "colour": "pale in colour",
    "bars": "with black bars of its own",
    "motion": "in motion",
    "softness": "softer than other frames of it",
    "ghosting": "blended with its neighbours",
}
_WORSENED = {"motion": "stillness", "softness": "sharpness", "ghosting": "sharpness"}
_DARK, _BRIGHT = 80, 160  # mean luma; between them a poor exposure is a lack of contrast
_PLAIN = 0.3  # of a flaw: less is not worth a word
_GOOD_RANK = 0.6
# From which share of the title on, what is said of it. All of one look: it tells no frame from another.
_SHARES = ((0.9, ""), (0.6, "most"), (0.4, "about half"), (0.25, "a good part"))


def reason(
    ranks: Mapping[str, float],
    weights: Mapping[str, float],
    *,
    flaws: Mapping[str, float],
    luma: float,
    share: float,
    text: float,
    likes_text: bool,
    fault: str | None,
) -> str:
    """`share` is of frames that look like it, `text` 0..1, `fault` the gate it failed where nothing better is left."""
    if fault:
        return f"Nothing better was found: this frame is {_FAULTS[fault]}."
    plain = {name: badness for name, badness in flaws.items() if badness >= _PLAIN}
    worse = {_WORSENED.get(name, name) for name in plain}
    gains = {
        _STRENGTHS[name]: weights[name] * (rank - 0.5)
        for name, rank in ranks.items()
        if rank >= _GOOD_RANK and name not in worse
    }
    if likes_text and text > 0.3:
        gains["readable text on it"] = text
    best = sorted(gains, key=lambda phrase: (-gains[phrase], phrase))[:3]
    what = _listed(best) if best else "as good as the others of its title"
    but = f", though {_flaw(max(plain, key=lambda name: (plain[name], name)), luma)}" if plain else ""
    often = next(phrase for least, phrase in (*_SHARES, (0.0, "")) if share >= least)
    return f"{what[0].upper()}{what[1:]}{but}{f'; {often} of the title looks like it' if often else ''}."


def _flaw(name: str, luma: float) -> str:
    if name == "exposure":
        return "dark" if luma < _DARK else "very bright" if luma > _BRIGHT else "low in contrast"
    return _FLAWS[name]


def _listed(phrase: list[str]) -> str:
    return phrase[0] if len(phrase) == 1 else f"{', '.join(phrase[:-1])} and {phrase[-1]}"
