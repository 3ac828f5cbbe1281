"""Whisper's segments -> the same words at possible times, and flags on segments that are doubtful. Pure.

In: segments as they came, the spans of detected speech, the title's end. Out: the same segments, words and text in the
same order, times in order and inside the title. Nothing is left out: the caller decides what to do with flagged ones.
"""

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import zip_longest

from subtitles.speech.onsets import with_voice
from subtitles.speech.transcript import Flag, Segment, SpokenWord
from subtitles.speech.voice_activity import Span

NO_SPEECH, LEAST_LOGPROB = 0.6, -1.0
MOST_COMPRESSION = 2.4
GUESSED_AT = 0.8  # temperature
LOOP_TIMES, LOOP_TIMES_OF_ONE, LOOP_WORDS = 3, 5, 12  # people do say "no, no, no", but not "thank you" three times
MOST_OUTSIDE = 0.8  # of a segment's time
MOST_CPS = 40.0  # nobody speaks so fast: an alignment that says so has failed
STRAY_MS = 200  # how far a word may lie outside its segment
REPLACEMENT = "\ufffd"

_SPACELESS = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff"
# A character of a script without spaces and the marks after it, or a word of any other.
_PIECE = re.compile(rf"\s*(?:[{_SPACELESS}][^\w\s]*|[^\s{_SPACELESS}]+)")


def checked(segments: Sequence[Segment], spoken: Sequence[Span], end_ms: int) -> tuple[Segment, ...]:
    """Every segment, repaired and flagged. `end_ms`: of the title."""
    checked_segments: list[Segment] = []
    ended = words_end = 0  # where the segment before and its last word end
    for segment, following in zip_longest(segments, segments[1:]):
        start = min(max(segment.start_ms, ended, 0), end_ms)
        ended = min(max(_end_ms(segment, following), start), end_ms)
        bounds = replace(segment, start_ms=start, end_ms=ended)
        words, spread_out = _aligned(bounds)
        words = _in_order(words, min(max(start - STRAY_MS, words_end), end_ms), min(ended + STRAY_MS, end_ms))
        words_end = words[-1].end_ms if words else words_end
        flags = [Flag.TIMES_SPREAD] if spread_out else []
        checked_segments.append(replace(bounds, words=words, flags=(*flags, *_flags(bounds, words, spoken))))
    return _with_repeats(with_voice(checked_segments, spoken))


def _end_ms(segment: Segment, following: Segment | None) -> int:
    """Where the model says; with its words where the next segment begins before, whose words need that time."""
    if following is None or not segment.words or following.start_ms >= segment.end_ms:
        return segment.end_ms
    return min(segment.end_ms, max(segment.words[-1].end_ms, following.start_ms))


def lost(text: str, words: Sequence[SpokenWord], start_ms: int, end_ms: int) -> bool:
    """Whether an alignment failed: its words are not all of the text, or faster than speech while there was time."""
    if _letters("".join(word.text for word in words)) != _letters(text):
        return True
    if not words:
        return False
    spoken_s = (words[-1].end_ms - words[0].start_ms) / 1000
    letters = len(_letters(text))
    return letters > MOST_CPS * spoken_s and letters < MOST_CPS * (end_ms - start_ms) / 1000


def spread(text: str, start_ms: int, end_ms: int) -> tuple[SpokenWord, ...]:
    """The words of `text` over the time, each as long as its share of the letters."""
    pieces = _pieces(text)
    total = sum(map(len, pieces))
    words, before = [], 0
    for piece in pieces:
        after = before + len(piece)
        words.append(
            SpokenWord(
                start_ms=start_ms + (end_ms - start_ms) * before // total,
                end_ms=start_ms + (end_ms - start_ms) * after // total,
                text=piece,
                probability=None,
            )
        )
        before = after
    return tuple(words)


def loops(words: Sequence[str]) -> bool:
    """Whether a run of words is repeated at least three times in a row, a single word five times."""
    letters = [_letters(word).casefold() for word in words]
    for length in range(1, LOOP_WORDS + 1):
        needed = (LOOP_TIMES if length > 1 else LOOP_TIMES_OF_ONE) * length - length
        run = 0  # words that equal the one `length` before
        for number in range(length, len(letters)):
            run = run + 1 if letters[number] and letters[number] == letters[number - length] else 0
            if run >= needed:
                return True
    return False


def _aligned(segment: Segment) -> tuple[tuple[SpokenWord, ...], bool]:
    """The words of a segment, and whether their times had to be estimated, here or before."""
    if lost(segment.text, segment.words, segment.start_ms, segment.end_ms):
        return spread(segment.text, segment.start_ms, segment.end_ms), True
    return segment.words, any(word.probability is None for word in segment.words)


def _in_order(words: Sequence[SpokenWord], low: int, high: int) -> tuple[SpokenWord, ...]:
    """Inside the bounds, none before the one before it, and of some length wherever there is room."""
    at, high, words_in_order = low, max(low, high), list[SpokenWord]()
    for word in words:
        start = min(max(word.start_ms, at), high)
        at = min(max(word.end_ms, start), high)
        words_in_order.append(replace(word, start_ms=start, end_ms=at))
    number = 0
    while number < len(words_in_order):
        if words_in_order[number].end_ms > words_in_order[number].start_ms:
            number += 1
            continue
        last = number
        while (
            last + 1 < len(words_in_order)
            and words_in_order[last + 1].end_ms == words_in_order[last + 1].start_ms == words_in_order[number].start_ms
        ):
            last += 1
        _give_room(words_in_order, number, last, low, high)
        number = last + 1
    return tuple(words_in_order)


def _give_room(words: list[SpokenWord], first: int, last: int, low: int, high: int) -> None:
    """Words without length share the silence after them, or else the time of the word before."""
    start = words[first].start_ms
    end = min(words[last + 1].start_ms if last + 1 < len(words) else high, start + 200 * (last - first + 1))
    if end - start < last - first + 1:
        first = max(first - 1, 0)
        start = low if first == 0 and words[0].start_ms >= end else words[first].start_ms
    shares = [max(len(word.text.strip()), 1) for word in words[first : last + 1]]
    total, before = sum(shares), 0
    for number, share in enumerate(shares, first):
        begin, before = start + (end - start) * before // total, before + share
        words[number] = replace(words[number], start_ms=begin, end_ms=start + (end - start) * before // total)


def _flags(segment: Segment, words: Sequence[SpokenWord], spoken: Sequence[Span]) -> list[Flag]:
    flags = []
    if segment.no_speech > NO_SPEECH and segment.logprob < LEAST_LOGPROB:
        flags.append(Flag.NO_SPEECH)
    elif segment.logprob < LEAST_LOGPROB:
        flags.append(Flag.UNLIKELY)
    if segment.temperature >= GUESSED_AT:
        flags.append(Flag.GUESSED)
    if segment.compression > MOST_COMPRESSION:
        flags.append(Flag.COMPRESSION)
    if loops([word.text for word in words]):
        flags.append(Flag.LOOP)
    if _outside(segment, words, spoken) > MOST_OUTSIDE:
        flags.append(Flag.OUTSIDE_SPEECH)
    if REPLACEMENT in segment.text:
        flags.append(Flag.BROKEN_TEXT)
    return flags


def _outside(segment: Segment, words: Sequence[SpokenWord], spoken: Sequence[Span]) -> float:
    """The share (0..1) of its words' time without detected speech; 0 or 1 for a segment without length."""
    times = [(word.start_ms, word.end_ms) for word in words] or [(segment.start_ms, segment.end_ms)]
    begin, end = times[0][0], times[-1][1]
    total = sum(end - start for start, end in times)
    near = list(_near(begin, end, spoken))
    if not total:
        return 0.0 if near else 1.0
    inside = sum(max(0, min(end, s.end_ms) - max(start, s.start_ms)) for start, end in times for s in near)
    return 1 - inside / total


def _near(begin: int, end: int, spoken: Sequence[Span]) -> Iterator[Span]:
    """The spans that touch [begin, end], found by bisection: a title has thousands."""
    for span in spoken[bisect_left(spoken, begin, key=lambda span: span.end_ms) :]:
        if span.start_ms > end:
            return
        yield span


def _with_repeats(segments: Sequence[Segment]) -> tuple[Segment, ...]:
    """The segments with Flag.LOOP on sentences that are repeated at least LOOP_TIMES in a row."""
    letters = [_letters(segment.text).casefold() for segment in segments]
    flagged = list(segments)
    start = 0
    for number in range(1, len(letters) + 1):
        if number < len(letters) and letters[number] == letters[start]:
            continue
        if number - start >= LOOP_TIMES:
            for at in range(start, number):
                flagged[at] = replace(flagged[at], flags=tuple(dict.fromkeys((*flagged[at].flags, Flag.LOOP))))
        start = number
    return tuple(flagged)


def _letters(text: str) -> str:
    return "".join(text.split())


def _pieces(text: str) -> list[str]:
    """The words of a text as Whisper writes them: with the space in front; one character each in unspaced scripts."""
    pieces = [" " + piece.strip() if piece[0].isspace() else piece for piece in _PIECE.findall(text.strip())]
    if pieces and not re.match(f"[{_SPACELESS}]", pieces[0]):
        pieces[0] = " " + pieces[0]
    return pieces
