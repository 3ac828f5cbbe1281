"""Which script a text is in, where nobody told its language. Pure.

In: words. Out: the language whose caption rules fit the script, or None for scripts with spaces. Refuses nothing.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterable

from subtitles.cues.words import Word

_SCRIPTS = {
    "CJK": "zh",
    "HIRAGANA": "ja",
    "KATAKANA": "ja",
    "HANGUL": "ko",
    "THAI": "th",
    "LAO": "lo",
    "MYANMAR": "my",
    "KHMER": "km",
}


def language_of(words: Iterable[Word]) -> str | None:
    """The one most letters belong to, by ISO 639. Japanese and Korean use Han letters beside their own."""
    found: Counter[str | None] = Counter()
    for word in words:
        for character in word.text:
            if character.isalpha():
                found[_SCRIPTS.get(unicodedata.name(character, "").split(" ")[0])] += 1
    if 2 * found[None] >= found.total():
        return None
    if (
        found["zh"] and 10 * (found["ja"] + found["ko"]) > found["zh"]
    ):  # all Han: a heading at most, not Japanese speech
        found["zh"] = 0
    return max((count, language) for language, count in found.items() if language is not None)[1]
