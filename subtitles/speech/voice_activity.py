"""Voice activity: probabilities of speech -> spans of speech, and clips of them for Whisper. Pure.

In: how likely each 32 ms of the sound are speech (Silero VAD). Out: spans of speech in samples of the 16 kHz audio,
whose sample 0 is the title's time 0, each at most one Whisper window long.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

RATE_HZ = 16_000
FRAME = 512  # samples that one probability is about
WINDOW = 30 * RATE_HZ  # what Whisper hears at once

SPEECH, SILENCE = 0.5, 0.35  # enters speech at the first, leaves it below the second
# After a long silence it notices a voice late, and was in doubt before: so far back speech begins where doubt began.
DOUBT, LATE = 0.1, RATE_HZ // 2
LEAST_SPEECH = RATE_HZ // 4  # a note of music passes for speech for an eighth of a second
LEAST_SILENCE = RATE_HZ // 2
PAD = RATE_HZ // 5  # the first and the last sound of a word are quiet


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A half-open range of samples of the audio."""

    start: int
    end: int

    @property
    def samples(self) -> int:
        return self.end - self.start

    @property
    def start_ms(self) -> int:
        return self.start * 1000 // RATE_HZ

    @property
    def end_ms(self) -> int:
        return self.end * 1000 // RATE_HZ


def spans(likely: Sequence[float], samples: int) -> tuple[Span, ...]:
    """Speech, padded and in order, in pieces of at most WINDOW; no two of them overlap."""
    speech_spans = [span for span in _voiced(likely, samples) if span.samples >= LEAST_SPEECH]
    padded: list[Span] = []
    for number, span in enumerate(speech_spans):
        before = padded[-1].end if padded else 0
        after = (span.end + speech_spans[number + 1].start) // 2 if number + 1 < len(speech_spans) else samples
        padded.append(Span(start=max(before, span.start - PAD), end=min(after, span.end + PAD)))
    return tuple(piece for span in padded for piece in _cut(span, likely))


def _voiced(likely: Sequence[float], samples: int) -> Iterator[Span]:
    start: int | None = None
    quiet: int | None = None  # since when, while in speech
    ended = 0
    for number, value in enumerate(likely):
        at = number * FRAME
        if value >= SPEECH:
            start = _onset(likely, number, ended) if start is None else start
            quiet = None
        elif start is not None and value < SILENCE:
            quiet = at if quiet is None else quiet
            if at - quiet >= LEAST_SILENCE:
                yield Span(start=start, end=quiet)
                ended, start, quiet = quiet, None, None
    if start is not None:
        yield Span(start=start, end=min(samples, quiet if quiet is not None else samples))


def _onset(likely: Sequence[float], number: int, ended: int) -> int:
    first = number
    while first and likely[first - 1] > DOUBT and (number - first) * FRAME < LATE and (first - 1) * FRAME >= ended:
        first -= 1
    return first * FRAME


def _cut(span: Span, likely: Sequence[float]) -> Iterator[Span]:
    """Whole if it fits a window; else cut in the second half of each window, where speech is least likely."""
    while span.samples > WINDOW:
        first, last = (span.start + WINDOW // 2) // FRAME, (span.start + WINDOW) // FRAME
        at = min(range(first, min(last, len(likely))), key=lambda number: likely[number]) * FRAME + FRAME // 2
        yield Span(start=span.start, end=at)
        span = Span(start=at, end=span.end)
    yield span
