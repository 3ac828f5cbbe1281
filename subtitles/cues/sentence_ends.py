"""Where sentences end in written text, by its punctuation. Pure."""

import re

SENTENCE_ENDS = ".!?…。！？؟।۔။።"
CLOSING = "\"'”’»)]}」』）】》〉］"  # quotes and brackets that may follow
_CLOSED = f"[{re.escape(CLOSING)}]*"
# A full stop amid digits ends nothing; after the wide signs of Chinese and Japanese there is no space.
_BETWEEN = re.compile(rf"(?<=[{re.escape(SENTENCE_ENDS)}]){_CLOSED}(?:\s+|$)|(?<=[。！？]){_CLOSED}")


def last_is(text: str, signs: str) -> bool:
    """Whether the last character of a text, quotes and brackets aside, is one of `signs`."""
    return text.rstrip(CLOSING)[-1:] in tuple(signs)


def ends_sentence(text: str) -> bool:
    """Whether a sentence ends with the text."""
    return last_is(text, SENTENCE_ENDS)


def first_sentence(text: str) -> str:
    """The text up to the end of its first sentence; all of it where none ends."""
    return _BETWEEN.split(text, maxsplit=1)[0]
