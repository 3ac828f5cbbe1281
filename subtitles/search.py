"""Finding words in a title's captions. Pure.

In: cues and what is sought. Out: the moments where it is said, also where it begins in one cue and ends in another.
Case, accents and punctuation do not count. Refuses nothing: what holds no letter or digit is found nowhere.
"""

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from core.media import Cue

MOST = 200
_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One moment: when the cue shows in which it begins, and that cue's text as plain text."""

    start_ms: int
    end_ms: int
    text: str


def search(cues: Sequence[Cue], sought: str, most: int = MOST) -> list[Found]:
    """In the order of their times, each cue once."""
    needle = plain(sought).strip()
    if not needle:
        return []
    texts = [" ".join(html.unescape(_TAG.sub("", cue.text)).split()) for cue in cues]
    # One text of all cues, so that a sentence is found across them; `begins` tells whose a place is.
    begins, whole = [], " "
    for text in texts:
        begins.append(len(whole))
        whole += f"{plain(text).strip()} "
    found: list[Found] = []
    at, cue = whole.find(needle), 0
    while at >= 0 and len(found) < most:
        while cue + 1 < len(begins) and begins[cue + 1] <= at:
            cue += 1
        found.append(Found(start_ms=cues[cue].start_ms, end_ms=cues[cue].end_ms, text=texts[cue]))
        at = whole.find(needle, begins[cue + 1]) if cue + 1 < len(begins) else -1
    return found


def plain(text: str) -> str:
    """Letters and digits in one case and without accents, one space between words."""
    folded = unicodedata.normalize("NFKD", text.casefold())
    kept = (letter if letter.isalnum() else " " for letter in folded if not unicodedata.combining(letter))
    return " ".join("".join(kept).split())
