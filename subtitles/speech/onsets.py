"""Words after a pause begin and end with the voice that was detected. Pure.

Whisper's alignment is good amid speech and vague at its edges: it lets a first word begin in the silence before it, or
half a second into it. Voice activity knows the edges to within a tenth of a second.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from subtitles.speech.transcript import Segment, SpokenWord
from subtitles.speech.voice_activity import PAD, RATE_HZ, Span

LATE_MS = 800  # a first word so late still begins with the voice; later, it may be another sound
EARLY_MS = 1000  # how far before the voice a word of it may lie
LEAD_MS = 100  # a word begins a little before its voice is noticed
AFTER_MS = 300  # how long a last word may end after its voice
_PAD_MS = PAD * 1000 // RATE_HZ


def with_voice(segments: Sequence[Segment], spoken: Sequence[Span]) -> tuple[Segment, ...]:
    """The segments, with the first and the last word of each span of speech at its edges."""
    words = [word for segment in segments for word in segment.words]
    moved = _ended(_begun(words, spoken), spoken)
    made: list[Segment] = []
    at = 0
    for segment in segments:
        own = tuple(moved[at : at + len(segment.words)])
        at += len(own)
        start_ms, end_ms = segment.start_ms, segment.end_ms
        if own != segment.words:
            start_ms = min(max(start_ms, own[0].start_ms - _PAD_MS), own[0].start_ms)
            end_ms = max(end_ms, own[-1].end_ms)
        if made:
            start_ms = max(start_ms, made[-1].start_ms)
            made[-1] = replace(made[-1], end_ms=min(made[-1].end_ms, start_ms))
        segment = replace(segment, words=own, start_ms=start_ms, end_ms=max(start_ms, end_ms))
        made.append(segment)
    return tuple(made)


def _begun(words: Sequence[SpokenWord], spoken: Sequence[Span]) -> list[SpokenWord]:
    starts = [word.start_ms for word in words]
    moved = list(words)
    ended = 0  # where the voice before ended
    for number, span in enumerate(spoken):
        # Of one that begins with the sound, or amid speech, nobody knows how much was added to it.
        is_after_pause = span.start > (spoken[number - 1].end if number else 0)
        voice_ms = span.start_ms + _PAD_MS - LEAD_MS
        if is_after_pause:
            at = bisect_right(starts, max(ended, voice_ms - EARLY_MS))
            if at < len(moved) and _belongs(moved, at, voice_ms, span.end_ms):
                following = moved[at + 1].start_ms if at + 1 < len(moved) else span.end_ms
                before = moved[at - 1].end_ms if at else 0
                word = moved[at]
                start = max(voice_ms, before)
                end = max(word.end_ms, min(start + word.end_ms - word.start_ms, following))
                if word.end_ms > start or following > start:
                    moved[at] = replace(word, start_ms=start, end_ms=max(end, start))
        ended = span.end_ms - _PAD_MS
    return moved


def _belongs(words: Sequence[SpokenWord], at: int, voice_ms: int, end_ms: int) -> bool:
    """Whether this word is the first of a voice: no other word lies in it before."""
    word = words[at]
    if at and words[at - 1].end_ms > voice_ms + LEAD_MS:
        return False
    return voice_ms - EARLY_MS <= word.start_ms <= min(voice_ms + LATE_MS, end_ms)


def _ended(words: Sequence[SpokenWord], spoken: Sequence[Span]) -> list[SpokenWord]:
    begins = [span.start_ms for span in spoken]
    moved = []
    for word in words:
        at = bisect_right(begins, word.start_ms) - 1
        if at >= 0:
            voice_end = spoken[at].end_ms - _PAD_MS
            is_before_pause = at + 1 == len(spoken) or spoken[at + 1].start > spoken[at].end
            if is_before_pause and word.start_ms < voice_end and word.end_ms > voice_end + AFTER_MS:
                word = replace(word, end_ms=voice_end + AFTER_MS)
        moved.append(word)
    return moved
