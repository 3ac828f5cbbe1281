"""Spans of speech -> windows of at most 30 s that Whisper hears one at a time; times in them -> the title's. Pure.

A window costs the same however full it is, so it is filled with spans up to its end. A long pause is shortened to a
second: in a longer one Whisper ends its text and leaves out what follows. Between what was cut out and what was kept no
word may lie, so a word's times are taken from the piece that holds most of it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from subtitles.speech.voice_activity import RATE_HZ, WINDOW, Span

LONGEST_PAUSE = RATE_HZ  # what is left of a longer one, half of it on either side
LEAD = RATE_HZ // 2  # heard before the first span: Whisper's first time stamp is within a second
TAIL = RATE_HZ * 4 // 5  # heard after the last one: a voice over music ends later than it is noticed
FULL = WINDOW * 3 // 4  # a window so full ends in the next pause, any other in the middle of the next span
LEAST_PART = RATE_HZ  # of a span that is cut


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Pieces of the audio, heard one after the other without a pause between them."""

    pieces: tuple[Span, ...]
    end: int  # sample of the audio up to which speech was taken
    is_cut: bool = False  # whether it ends amid a span

    @property
    def samples(self) -> int:
        return sum(piece.samples for piece in self.pieces)

    def title_ms(self, start_ms: int, end_ms: int) -> tuple[int, int]:
        """Times in the window as times of the title, both inside the piece that holds most of the time between them."""
        first, best, shared = 0, (0, self.pieces[0]), -math.inf
        for piece in self.pieces:
            last = first + piece.samples
            both = min(end_ms, _ms(last)) - max(start_ms, _ms(first))
            if both > shared:
                best, shared = (first, piece), both
            first = last
        at, piece = best
        begin, moved = piece.start_ms, piece.start_ms - _ms(at)
        start = min(max(start_ms + moved, begin), piece.end_ms)
        return start, min(max(end_ms + moved, start), piece.end_ms)


def window(spoken: Sequence[Span], begin: int, limits: Span) -> Window | None:
    """The window with the speech from sample `begin` on; None where nobody speaks any more.

    `limits`: the audio that may be heard: at its edges there is other speech, or nothing.
    """
    left = [span for span in spoken if span.end > begin]
    if not left:
        return None
    first = max(left[0].start, begin)
    lead = 0 if begin > left[0].start else min(LEAD, first - max(limits.start, _end_before(spoken, first)))
    pieces = [Span(start=first - lead, end=left[0].end)]
    room = WINDOW - TAIL
    if pieces[0].samples > room:
        return _cut(pieces, room)
    taken = 1
    for span in left[1:]:
        added = _joined(pieces, span)
        if sum(piece.samples for piece in added) > room:
            held = sum(piece.samples for piece in pieces)
            if held < FULL and sum(piece.samples for piece in added) - span.samples <= room - LEAST_PART:
                return _cut(added, room)
            break
        pieces, taken = added, taken + 1
    end = pieces[-1].end
    until = min(left[taken].start if taken < len(left) else limits.end, limits.end)
    pieces[-1] = Span(start=pieces[-1].start, end=max(end, min(end + TAIL, until)))
    return Window(pieces=tuple(pieces), end=end)


def windows(spoken: Sequence[Span], limits: Span) -> list[Window]:
    """All speech in windows, where none is heard again."""
    made: list[Window] = []
    while one := window(spoken, made[-1].end if made else limits.start, limits):
        made.append(one)
    return made


def _end_before(spoken: Sequence[Span], at: int) -> int:
    return max((span.end for span in spoken if span.end <= at), default=0)


def _joined(pieces: Sequence[Span], span: Span) -> list[Span]:
    """The pieces with one more span: the pause before it is whole, or only its two ends are there."""
    *before, last = pieces
    if span.start - last.end <= LONGEST_PAUSE:
        return [*before, Span(start=last.start, end=span.end)]
    half = LONGEST_PAUSE // 2
    return [*before, Span(start=last.start, end=last.end + half), Span(start=span.start - half, end=span.end)]


def _cut(pieces: Sequence[Span], room: int) -> Window:
    *before, last = pieces
    end = last.start + room - sum(piece.samples for piece in before)
    return Window(pieces=(*before, Span(start=last.start, end=end)), end=end, is_cut=True)


def _ms(samples: int) -> int:
    return samples * 1000 // RATE_HZ
