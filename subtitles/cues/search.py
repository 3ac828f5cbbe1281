"""Finding words in a title's captions. Pure.

In: cues and a phrase. Out: the moments where it is spoken, also where it begins in one cue and ends in another. Case,
accents and punctuation do not count. Refuses nothing: a phrase without letters and digits is found nowhere.
"""

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from core.media.encoded import Cue

MOST = 200
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One match: when the cue is shown in which it begins, and that cue's text as plain text."""

    start_ms: int
    end_ms: int
    text: str


class Index:
    """The captions of a title, normalised once for many searches."""

    def __init__(self, cues: Sequence[Cue]) -> None:
        self._cues = cues
        self._texts = [" ".join(html.unescape(_TAG.sub("", cue.text)).split()) for cue in cues]
        # One text of all cues, so that a sentence is found across them; `_begins` maps a position to its cue.
        parts, self._begins, at = [" "], [], 1
        for text in self._texts:
            part = f"{plain(text)} "
            self._begins.append(at)
            parts.append(part)
            at += len(part)
        self._whole = "".join(parts)

    @property
    def texts(self) -> Sequence[str]:
        """What each cue says, as plain text in one line."""
        return self._texts

    def find(self, phrase: str, most: int = MOST) -> list[Match]:
        """At most `most` moments in the order of their times, each cue once."""
        needle = plain(phrase)
        matches: list[Match] = []
        at = self._whole.find(needle) if needle else -1
        while at >= 0 and len(matches) < most:
            number = max(0, bisect_right(self._begins, at) - 1)
            cue = self._cues[number]
            matches.append(Match(start_ms=cue.start_ms, end_ms=cue.end_ms, text=self._texts[number]))
            at = self._whole.find(needle, self._begins[number + 1]) if number + 1 < len(self._begins) else -1
        return matches


def plain(text: str) -> str:
    """Letters and digits in one case and without accents, one space between words."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    letters = (letter if letter.isalnum() else " " for letter in folded if not unicodedata.combining(letter))
    return " ".join("".join(letters).split())
