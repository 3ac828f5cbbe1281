"""Why a frame is a candidate: codes, and one sentence of them in English for a person. Pure.

In: ranks, weights, flaws and facts. Pages say the codes in the language of their reader (studio/texts, `poster.`).
"""

from collections.abc import Mapping, Sequence

_STRENGTHS = {
    "sharpness": "sharp",
    "stillness": "still",
    "exposure": "well_exposed",
    "saliency": "composed",
    "face": "face",
    "colour": "colourful",
    "position": "early",
}
_PRAISE = {
    "sharp": "sharp",
    "still": "hardly moving",
    "well_exposed": "well exposed",
    "composed": "clearly composed",
    "face": "showing a face",
    "colourful": "colourful",
    "early": "from the first half",
    "text": "readable text on it",
    "average": "as good as the others of its title",
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
    "sharpness": "a_little_soft",
    "noise": "grainy",
    "colour": "pale",
    "bars": "barred",
    "motion": "moving",
    "softness": "softer",
    "ghosting": "blended",
}
_COMPLAINTS = {
    "dark": "dark",
    "very_bright": "very bright",
    "low_contrast": "low in contrast",
    "a_little_soft": "a little soft",
    "grainy": "grainy",
    "pale": "pale in colour",
    "barred": "with black bars of its own",
    "moving": "in motion",
    "softer": "softer than other frames of it",
    "blended": "blended with its neighbours",
}
_WORSENED = {"motion": "stillness", "softness": "sharpness", "ghosting": "sharpness"}
_DARK, _BRIGHT = 80, 160  # mean luma; between them a poor exposure is a lack of contrast
_PLAIN = 0.3  # of a flaw: less is not worth a word
_GOOD_RANK = 0.6
# From which share of the title on, what is said of it. All of one look: it tells no frame from another.
_SHARES = ((0.9, ""), (0.6, "like_most"), (0.4, "like_half"), (0.25, "like_part"))
_OFTEN = {"like_most": "most", "like_half": "about half", "like_part": "a good part"}
_ONLY = "only_"  # before the name of a fault: nothing better was found
CODES = frozenset((*_PRAISE, *_COMPLAINTS, *_OFTEN, *(_ONLY + fault for fault in _FAULTS)))


def reasons(
    ranks: Mapping[str, float],
    weights: Mapping[str, float],
    *,
    flaws: Mapping[str, float],
    luma: float,
    share: float,
    text: float,
    likes_text: bool,
    fault: str | None,
) -> tuple[str, ...]:
    """Codes: up to three strengths, the plainest flaw, and how much of the title looks like it.

    `share` is of frames that look like it, `text` 0..1, `fault` the gate it failed where nothing better is left.
    """
    if fault:
        return (_ONLY + fault,)
    plain = {name: badness for name, badness in flaws.items() if badness >= _PLAIN}
    worse = {_WORSENED.get(name, name) for name in plain}
    gains = {
        _STRENGTHS[name]: weights[name] * (rank - 0.5)
        for name, rank in ranks.items()
        if rank >= _GOOD_RANK and name not in worse
    }
    if likes_text and text > 0.3:
        gains["text"] = text
    best = sorted(gains, key=lambda code: (-gains[code], _PRAISE[code]))[:3]
    but = _flaw(max(plain, key=lambda name: (plain[name], name)), luma) if plain else ""
    often = next(code for least, code in (*_SHARES, (0.0, "")) if share >= least)
    return tuple(code for code in (*(best or ["average"]), but, often) if code)


def in_words(codes: Sequence[str]) -> str:
    """One sentence of the codes that `reasons` gave."""
    if fault := next((code.removeprefix(_ONLY) for code in codes if code.startswith(_ONLY)), None):
        return f"Nothing better was found: this frame is {_FAULTS[fault]}."
    what = _listed([_PRAISE[code] for code in codes if code in _PRAISE])
    but = "".join(f", though {_COMPLAINTS[code]}" for code in codes if code in _COMPLAINTS)
    often = "".join(f"; {_OFTEN[code]} of the title looks like it" for code in codes if code in _OFTEN)
    return f"{what[0].upper()}{what[1:]}{but}{often}."


def _flaw(name: str, luma: float) -> str:
    if name == "exposure":
        return "dark" if luma < _DARK else "very_bright" if luma > _BRIGHT else "low_contrast"
    return _FLAWS[name]


def _listed(phrases: list[str]) -> str:
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"
