"""Where a cue or a line may end: what the break before each unit costs, and which breaks are bad. Pure.

In: units and the words of a language. Out: `Breaks`. Refuses nothing: without words of the language, punctuation and
pauses decide alone.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from presets.caption import CaptionProfile
from subtitles.cues.layout import Unit
from subtitles.cues.sentence_ends import CLOSING, SENTENCE_ENDS, ends_sentence, last_is

AFTER_SENTENCE, AFTER_CLAUSE, AFTER_COMMA = 0, 12, 20
BEFORE_CONJUNCTION, BEFORE_PREPOSITION, ELSEWHERE, TORN = 45, 60, 100, 160
PAUSE_MS, CHEAPER_BY = 150, 60  # an audible pause; each ms of it takes 1/8 off the cost of a break, up to CHEAPER_BY
_CLAUSE, _COMMA = ";:—–；：؛", ",、，،၊"
_OPENING = "\"'“‘«([{「『（【《〈［¿¡"
# What must not begin a line of Chinese or Japanese.
_NEVER_FIRST = "、。，．・：；？！ー々ぁぃぅぇぉっゃゅょゎァィゥェォッャュョヮ…」』）】》〉］〕｝%％"


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaks:
    """Costs and flags of the break before each unit; the first and last entry are the ends of the text."""

    cost: list[int]
    bad: list[bool]  # an article from its noun, a mark from its text
    ends_sentence: list[bool]


def breaks(units: Sequence[Unit], profile: CaptionProfile) -> Breaks:
    """The breaks of a text: one before each unit, and one after the last."""
    ends = [True, *(ends_sentence(unit.text) for unit in units)]
    bad = [False] * (len(units) + 1)
    cost = [0] * (len(units) + 1)
    for at in range(1, len(units)):
        before, after = units[at - 1], units[at]
        pause_ms = after.start_ms - before.end_ms
        if pause_ms < profile.pause_ms:
            bad[at] = _is_bad(before, after, profile)
            cost[at] = TORN if bad[at] else _cost(units, at, profile)
        if pause_ms >= PAUSE_MS:
            cost[at] = max(0, cost[at] - min(CHEAPER_BY, pause_ms // 8))
    return Breaks(cost=cost, bad=bad, ends_sentence=ends)


def _cost(units: Sequence[Unit], at: int, profile: CaptionProfile) -> int:
    before, after = units[at - 1].text, units[at].text
    for signs, cost in ((SENTENCE_ENDS, AFTER_SENTENCE), (_CLAUSE, AFTER_CLAUSE), (_COMMA, AFTER_COMMA)):
        if last_is(before, signs):
            return cost
    if not profile.spaced:
        return _unspaced_cost(units, at, profile)
    if _names(before) & (profile.prepositions | profile.conjunctions):
        return TORN - 20  # a preposition belongs to what follows, though it may end a verb: no clear fault
    if _names(after) & profile.conjunctions:
        return BEFORE_CONJUNCTION
    return BEFORE_PREPOSITION if _names(after) & profile.prepositions else ELSEWHERE


def _unspaced_cost(units: Sequence[Unit], at: int, profile: CaptionProfile) -> int:
    before, after = units[at - 1].text[-1], units[at].text[0]
    if not units[at].glued and not (before.isascii() and after.isascii()):
        return AFTER_COMMA  # a space where the script needs none ends a phrase
    # Words may come in pieces.
    following = "".join(unit.text for unit in units[at : at + 4])
    if profile.conjunctions and following.startswith(tuple(profile.conjunctions)):
        return BEFORE_CONJUNCTION
    # Japanese: a phrase ends with hiragana, and the next one begins with kanji or katakana.
    if _is_hiragana(before) and not _is_hiragana(after):
        return BEFORE_PREPOSITION
    return TORN - 20 if _is_katakana(before) and _is_katakana(after) else ELSEWHERE


def _is_bad(before: Unit, after: Unit, profile: CaptionProfile) -> bool:
    if last_is(before.text, SENTENCE_ENDS + _CLAUSE + _COMMA):
        return False
    if not profile.spaced:
        return (
            after.text[0] in _NEVER_FIRST
            or unicodedata.category(after.text[0]).startswith("M")
            or before.text[-1] in "「『（【《〈［"
            or before.text in profile.clinging
            or after.text in profile.never_first
        )
    if before.text[-1] in CLOSING:
        return False
    return after.glued or bool(_names(before.text) & profile.clinging)


def _names(text: str) -> set[str]:
    """The word without its punctuation, and what is before its apostrophe ("l'", "qu'")."""
    word = text.casefold().strip(_OPENING + CLOSING + SENTENCE_ENDS + _CLAUSE + _COMMA).replace("’", "'")
    return {word, word.partition("'")[0] + "'"} if "'" in word else {word}


def _is_hiragana(character: str) -> bool:
    return "\u3040" <= character <= "\u309f"


def _is_katakana(character: str) -> bool:
    return "\u30a0" <= character <= "\u30ff"
