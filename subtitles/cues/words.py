"""Recognised words with times: JSON -> words whose times are in order and can be used. Pure.

In: WORDS.json, `[{"start", "end", "word"}]` in seconds, or `RecognisedWord` from a recogniser. Out: `Word`s in the
order they were given, each after the one before it, none lost. Raises Rejected(not_words) for another form, and for
times that contradict each other too often to say anything.
"""

import json
import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from core.errors import Rejected

CODE = "not_words"
LATEST_S = 7 * 86_400.0  # no title is that long: a time beyond is a mistake
SLOWEST_MS = 80  # a character of a word whose end nobody knows lasts this long, where there is room
_FORM = 'Give a list like [{"start": 0.5, "end": 0.9, "word": "Hello"}], times in seconds.'


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognisedWord:
    """A word as the recogniser gave it, its times in seconds and unchecked; None where there is no time.

    Where any text of a list begins with a space, a text without one belongs to the word before it ("state", "-of").
    """

    start_s: float | None
    end_s: float | None
    text: str
    probability: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """A word with consistent times: it ends after it starts, and not after the next one starts."""

    start_ms: int
    end_ms: int
    text: str
    probability: float | None = None


def read(body: str | bytes) -> list[Word]:
    """The words of a WORDS.json. Raises Rejected(not_words), which names the index of the wrong word."""
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise Rejected(CODE, "The words are not JSON.", _FORM) from exc
    if not isinstance(value, list):
        raise Rejected(CODE, "The words are not a list.", _FORM)
    return repaired([_recognised(index, item) for index, item in enumerate(value)])


def _recognised(index: int, item: Any) -> RecognisedWord:
    if not isinstance(item, dict):
        _refuse(index, "is not an object.")
    for name in ("start", "end", "word"):
        if name not in item:
            _refuse(index, f"has no {name!r}.")
    if not isinstance(item["word"], str):
        _refuse(index, "has a 'word' that is not text.")
    probability = item.get("probability")
    if probability is not None and not _is_number(probability):
        _refuse(index, "has a 'probability' that is not a number.")
    return RecognisedWord(
        start_s=_time(index, item, "start"), end_s=_time(index, item, "end"), text=item["word"], probability=probability
    )


def _time(index: int, item: dict[str, Any], name: str) -> float | None:
    value = item[name]
    if value is None:
        return None
    if not _is_number(value):
        _refuse(index, f"has a {name!r} that is not a number of seconds.")
    return float(max(-LATEST_S, min(value, 2 * LATEST_S)))  # bounded: an integer may not fit a float; NaN stays


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _refuse(index: int, what: str) -> NoReturn:
    raise Rejected(CODE, f"Word {index} {what}", _FORM)


def repaired(words: Sequence[RecognisedWord]) -> list[Word]:
    """The same words in the same order with times that hold. Raises Rejected(not_words) where most starts are unknown
    or run backwards.

    A start that does not fit the order of the others is taken as unknown, and unknown starts are put between their
    neighbours. Words that begin at once share the time until the next; overlaps end where the next one begins.
    """
    if not words:
        return []
    known = _in_order([_milliseconds(word.start_s) for word in words])
    if 2 * len(known) < len(words):  # so one is known
        raise Rejected(
            CODE,
            f"Only {len(known)} of {len(words)} words begin at a time that fits their order.",
            "Transcribe again, or sort the words by their start.",
        )
    starts = _starts(words, known)
    ends = [_end(word, start) for word, start in zip(words, starts, strict=True)]
    return [
        Word(
            start_ms=start,
            end_ms=max(start + 1, min(end, following)),
            text=word.text,
            probability=word.probability,
        )
        for word, start, end, following in zip(words, starts, ends, [*starts[1:], ends[-1]], strict=True)
    ]


def _milliseconds(time_s: float | None) -> int | None:
    if time_s is None or not math.isfinite(time_s) or not 0 <= time_s <= LATEST_S:
        return None
    return round(time_s * 1000)


def _in_order(times: Sequence[int | None]) -> dict[int, int]:
    """{index: time} of the longest row of times that never goes back; of equal ones only the first stays."""
    tails: list[int] = []  # the smallest last time of a row of each length
    indices: list[int] = []
    before: list[int | None] = [None] * len(times)
    for index, time in enumerate(times):
        if time is None:
            continue
        at = bisect_right(tails, time)
        before[index] = indices[at - 1] if at else None
        if at == len(tails):
            tails.append(time)
            indices.append(index)
        else:
            tails[at] = time
            indices[at] = index
    row: list[int] = []
    here = indices[-1] if indices else None
    while here is not None:
        row.append(here)
        here = before[here]
    return {index: time for index in reversed(row) if (time := times[index]) is not None}


def _starts(words: Sequence[RecognisedWord], known: dict[int, int]) -> list[int]:
    """Strictly rising starts: words without one of their own share the way to the next by their length."""
    distinct: dict[int, int] = {}
    latest = -1
    for index, time in known.items():
        if time > latest:
            distinct[index] = latest = time
    starts = [0] * len(words)
    marks = list(distinct.items())
    _lead(starts, words, marks[0])
    ends: list[tuple[int, int | None]] = [*marks[1:], (len(words), None)]
    for (first, begin), (after, end) in zip(marks, ends, strict=True):
        starts[first] = begin
        stated_end = _milliseconds(words[first].end_s)
        length = SLOWEST_MS * _length(words[first])
        end_ms = stated_end if stated_end is not None and stated_end > begin else begin + length
        free = range(first + 1, after)
        needed = SLOWEST_MS * sum(_length(words[index]) for index in free)
        if end is not None and end - end_ms < needed:  # no room behind it: they share its time, too
            end_ms = max(begin + (end - begin) * length // (length + needed), min(end_ms, end - needed))
            needed = end - end_ms
        _spread(starts, words, free, end_ms, needed)
    for index in range(1, len(starts)):
        starts[index] = max(starts[index], starts[index - 1] + 1)
    return starts


def _lead(starts: list[int], words: Sequence[RecognisedWord], mark: tuple[int, int]) -> None:
    """What comes before the first known start is put right before it."""
    after, end = mark
    room = min(end, SLOWEST_MS * sum(_length(words[index]) for index in range(after)))
    _spread(starts, words, range(after), end - room, room)


def _spread(starts: list[int], words: Sequence[RecognisedWord], free: range, begin: int, room: int) -> None:
    total, passed = sum(_length(words[index]) for index in free), 0
    for index in free:
        starts[index] = begin + room * passed // total
        passed += _length(words[index])


def _length(word: RecognisedWord) -> int:
    return max(1, len(word.text.strip()))


def _end(word: RecognisedWord, start: int) -> int:
    end, stated_start = _milliseconds(word.end_s), _milliseconds(word.start_s)
    if end is None or stated_start is None or not stated_start <= start < end:  # its own start was not believed
        return start + SLOWEST_MS * _length(word)
    return end
