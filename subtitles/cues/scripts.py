"""Which script a text is in, where its language is unknown. Pure.

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
    """The language (ISO 639) whose script most letters are in. Japanese and Korean use Han letters beside their own."""
    counts: Counter[str | None] = Counter()
    for word in words:
        for character in word.text:
            if character.isalpha():
                counts[_SCRIPTS.get(unicodedata.name(character, "").split(" ")[0])] += 1
    if 2 * counts[None] >= counts.total():
        return None
    if (
        counts["zh"] and 10 * (counts["ja"] + counts["ko"]) > counts["zh"]
    ):  # all Han: a heading at most, not Japanese speech
        counts["zh"] = 0
    return max((count, language) for language, count in counts.items() if language is not None)[1]
