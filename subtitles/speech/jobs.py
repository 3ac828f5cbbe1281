"""A title's speech -> jobs of ten to fifteen minutes, each one run of Whisper. Pure.

The same speech gives the same jobs, so what was finished before a death counts after it: `JobResult.answers` says
whether a kept result is of this very job.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from core.media.checked_json import adapter
from subtitles.speech.transcript import Segment
from subtitles.speech.voice_activity import RATE_HZ, WINDOW, Span

LEAST_S, MOST_S = 600, 900
LANGUAGE_PLACES = 3  # in a title of more than two windows; of a shorter one each window tells its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of Whisper, over spans of speech in order."""

    number: int
    spans: tuple[Span, ...]

    @property
    def samples(self) -> int:
        """The number of audio samples in all its spans."""
        return sum(span.samples for span in self.spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """Segments of one run of Whisper, before the guards have checked them."""

    job: Job
    model: str
    task: str
    language: str
    language_probability: float | None
    segments: tuple[Segment, ...]
    heard: dict[str, int] = field(default_factory=dict)  # by language: samples of the windows that sounded like it

    def answers(self, job: Job, *, model: str, task: str, language: str | None) -> bool:
        """Whether this is the result of such a run. `language`: the declared one; None: detected."""
        declared = self.language_probability is None
        same_language = declared and self.language == language if language else not declared
        return (self.job, self.model, self.task) == (job, model, task) and same_language


def plan(spoken: Sequence[Span], *, least_s: int = LEAST_S, most_s: int = MOST_S) -> tuple[Job, ...]:
    """Divide the speech into jobs, each cut at the longest silence between `least_s` and `most_s` of it."""
    left, jobs = tuple(spoken), list[Job]()
    while left:
        cut = _cut(left, least_s * RATE_HZ, most_s * RATE_HZ)
        jobs.append(Job(number=len(jobs), spans=left[:cut]))
        left = left[cut:]
    return tuple(jobs)


def language_places(spoken: Sequence[Span]) -> tuple[tuple[Span, ...], ...]:
    """Speech elsewhere than at the beginning, from which the language is detected, too: many titles begin with a song
    or a greeting."""
    if sum(span.samples for span in spoken) <= 2 * WINDOW:
        return ()
    step = len(spoken) / LANGUAGE_PLACES
    # In each further third from the longest span on: a second of speech tells little.
    thirds = [range(round(n * step), round((n + 1) * step)) for n in range(1, LANGUAGE_PLACES)]
    firsts = [max(third, key=lambda number: spoken[number].samples) for third in thirds if third]
    return tuple(
        tuple(span for span in spoken[first:] if span.end - spoken[first].start <= 2 * WINDOW) for first in firsts
    )


def result_to_json(result: JobResult) -> dict[str, Any]:
    """Plain JSON values; `result_from_json` reads them."""
    return adapter(JobResult).dump_python(result, mode="json")  # type: ignore[no-any-return]


def result_from_json(value: Any) -> JobResult:
    """The result of `result_to_json`. Raises ValueError for any other value."""
    return adapter(JobResult).validate_python(value)


def _cut(left: tuple[Span, ...], least: int, most: int) -> int:
    """How many of the spans left the next job takes; the limits are in samples."""
    begin = left[0].start
    if left[-1].end - begin <= most:
        return len(left)
    fit = [n for n in range(1, len(left)) if least <= left[n - 1].end - begin <= most]
    if fit:
        return max(fit, key=lambda n: left[n].start - left[n - 1].end)
    return max(sum(span.end - begin <= most for span in left), 1)
