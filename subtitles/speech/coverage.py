"""Which speech has no words, and the words that were heard there in a second try among the others. Pure.

A model that ends its text early, or aligns a word over the sentence after it, leaves no other trace.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from subtitles.speech.transcript import Segment, SpokenWord
from subtitles.speech.voice_activity import PAD, RATE_HZ, Span

LEAST = RATE_HZ  # a second of speech without words is a sentence lost, anything less may be a breath
NEAR_MS = 250  # a word's time is not known better
BREATH = RATE_HZ // 10  # a longer silence lies between two breaths
# Nobody takes longer for a word: what lies under it then is something else.
WORD_MS, LETTER_MS, DIGIT_MS = 1000, 100, 500


def without_words(spoken: Sequence[Span], words: Iterable[SpokenWord], least: int = LEAST) -> tuple[Span, ...]:
    """Stretches of speech of at least `least` samples in which no word lies, in order."""
    covered = _merged(sorted(map(_covered, words)))
    return tuple(
        Span(start=start, end=end)
        for span in spoken
        for start, end in _less((span.start + PAD // 2, span.end - PAD // 2), covered)
        if end - start >= least
    )


def with_words(segments: Sequence[Segment], found: Sequence[Segment], gaps: Sequence[Span]) -> list[Segment]:
    """The segments with what was found in the gaps between their words, in order of time.

    Words that were found outside the gaps are those of the neighbours, heard once more. So are those in a gap that say
    again what was said right before it, in the same breath: there the alignment was early, and nothing was lost.
    """
    words = [word for segment in segments for word in segment.words]
    added = [
        inside
        for segment in found
        for gap in gaps
        if (inside := _inside(segment, gap)) and not _repeats(inside.words, words, gap)
    ]
    cuts = [segment.start_ms for segment in added]
    parts = [part for segment in segments for part in _split(segment, cuts)]
    return sorted([*parts, *added], key=_begin_ms)


def part(segment: Segment, words: Sequence[SpokenWord]) -> Segment:
    """Some of a segment's words, in order, as a segment."""
    text = "".join(word.text for word in words).strip()
    return replace(segment, start_ms=words[0].start_ms, end_ms=words[-1].end_ms, text=text, words=tuple(words))


def _begin_ms(segment: Segment) -> int:
    return segment.words[0].start_ms if segment.words else segment.start_ms


def _inside(segment: Segment, gap: Span) -> Segment | None:
    words = [word for word in segment.words if gap.start_ms <= (word.start_ms + word.end_ms) // 2 < gap.end_ms]
    return part(segment, words) if words else None


def _repeats(found: Sequence[SpokenWord], words: Sequence[SpokenWord], gap: Span) -> bool:
    """Whether these are the words before the gap, which begins where they end."""
    before = [word for word in words if word.start_ms < gap.start_ms]
    if len(before) < len(found) or abs(_covered(before[-1])[1] - gap.start) > BREATH:
        return False
    return [_letters(word) for word in before[-len(found) :]] == [_letters(word) for word in found]


def _letters(word: SpokenWord) -> str:
    return "".join(character for character in word.text.casefold() if character.isalnum())


def _split(segment: Segment, cuts: Sequence[int]) -> Iterator[Segment]:
    """The segment in parts, so that what begins at one of these times lies between them."""
    left = list(segment.words)
    inside = [cut for cut in cuts if left and left[0].start_ms < cut < left[-1].end_ms]
    if not inside:
        yield segment
        return
    for cut in inside:
        before = [word for word in left if word.start_ms < cut]
        left = left[len(before) :]
        if before:
            yield part(segment, before)
    if left:
        yield part(segment, left)


def _covered(word: SpokenWord) -> tuple[int, int]:
    text = word.text.strip()
    longest = WORD_MS + LETTER_MS * len(text) + DIGIT_MS * sum(character.isdigit() for character in text)
    end_ms = min(word.end_ms, word.start_ms + longest)
    return (word.start_ms - NEAR_MS) * RATE_HZ // 1000, (end_ms + NEAR_MS) * RATE_HZ // 1000


def _merged(ranges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    merged: list[tuple[int, int]] = []
    for start, end in ranges:
        if merged and start <= merged[-1][1]:
            merged[-1] = merged[-1][0], max(merged[-1][1], end)
        else:
            merged.append((start, end))
    return merged


def _less(whole: tuple[int, int], taken: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    at, last = whole
    for start, end in taken:
        if end <= at:
            continue
        if start >= last:
            break
        yield at, start
        at = max(at, end)
    if at < last:
        yield at, last
