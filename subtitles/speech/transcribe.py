"""Transcribes one audio track of a title, through two kinds of sandboxed programs.

In: where the audio is, a model, the declared language, what earlier runs finished. Out: a Transcript, or Skipped, which
is no failure. voice_activity_child decodes the track and finds the speech; then each job of ten to fifteen minutes is
one run of Whisper, so memory does not grow from job to job, a cancellation ends it at once, and a crash costs one job.
Raises ToolFailed and its subclasses when a child fails, ConfigError when the model cannot be used.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from core.errors import ConfigError, KadrError, ToolFailed
from core.media.checked_json import adapter
from core.sandbox import niceness
from core.sandbox.child import ChildRunner, Limits, python_argv
from core.settings import GIB, MIB
from subtitles.speech import guards, jobs
from subtitles.speech.coverage import without_words
from subtitles.speech.jobs import Job, JobResult
from subtitles.speech.languages import whisper_language
from subtitles.speech.letter_case import continued
from subtitles.speech.models.model import Whisper
from subtitles.speech.transcript import Segment, Skipped, SkipReason, Transcript
from subtitles.speech.voice_activity import RATE_HZ, Span

Task = Literal["transcribe", "translate"]
Progress = Callable[[float], None]
DETECTION_SHARE = 0.05  # of the whole work
# Seconds for one of sound: a large model on few cores is behind real time, but not so far.
SLOWEST = 30
LOADING_S = 300
LEAST_CERTAIN = 0.5  # mean probability of words, of a model of one language: less, and they are not of it

NO_AUDIO = Skipped(reason=SkipReason.NO_AUDIO, hint="The video has no sound that can be decoded.")
NO_SPEECH = Skipped(
    reason=SkipReason.NO_SPEECH,
    hint="Nobody is heard speaking. If somebody does, upload subtitles as WebVTT or SRT.",
)
_OTHER_LANGUAGE = Skipped(
    reason=SkipReason.LANGUAGE,
    hint="The speech does not sound like the one language that the model knows. If it is in that language, say so; "
    "otherwise set KADR_WHISPER_MODEL to a multilingual model.",
)
NO_MODEL = Skipped(
    reason=SkipReason.NO_MODEL,
    hint="No speech model is on this machine. Run `kadr models fetch base` and set KADR_WHISPER_MODEL=base, or set it "
    "to the folder of another model.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceAudio:
    """One audio track of a file, and where its title's timeline lies."""

    file: Path
    demuxer: str  # libav's name: the only one that may open the file
    index: int  # of the stream
    origin_s: Fraction  # of the title's time 0, in the file's own times
    duration_s: Fraction  # of the title


@dataclass(frozen=True, slots=True, kw_only=True)
class Speech:
    """A decoded track: a file of 16-bit samples at 16 kHz from the title's time 0, and the spans of speech in it."""

    audio_file: Path
    samples: int  # 0: nothing could be decoded
    spans: tuple[Span, ...]

    @property
    def end_ms(self) -> int:
        return self.samples * 1000 // RATE_HZ


@dataclass(frozen=True, slots=True, kw_only=True)
class _Context:
    """What all jobs of one title share."""

    speech: Speech
    model: Whisper
    task: Task
    places: tuple[tuple[Span, ...], ...]  # elsewhere than at its beginning, from which the language is detected


async def transcribe(
    audio: SourceAudio | None,
    model: Whisper | None,
    *,
    language: str | None,
    work_dir: Path,
    runner: ChildRunner,
    done: Mapping[int, JobResult],
    on_job: Callable[[JobResult], Awaitable[None]],
    on_progress: Progress,
    task: Task = "transcribe",
    job_s: tuple[int, int] = (jobs.LEAST_S, jobs.MOST_S),
) -> Transcript | Skipped:
    """The transcript of an audio track, or why there is none.

    `language`: a BCP 47 tag; None lets Whisper detect it. `done`: results that `on_job` was given before, by number.
    `on_job` is awaited before the next job begins. `on_progress` gets shares (0..1) of the whole work.
    """
    if audio is None:
        return NO_AUDIO
    if model is None:
        return NO_MODEL
    speech = await detect_speech(audio, work_dir, runner, lambda share: on_progress(DETECTION_SHARE * share))
    try:
        if not speech.samples:
            return NO_AUDIO
        planned_jobs = jobs.plan(speech.spans, least_s=job_s[0], most_s=job_s[1])
        if not planned_jobs:
            return NO_SPEECH
        context = _Context(speech=speech, model=model, task=task, places=jobs.language_places(speech.spans))
        try:
            results = await _run_jobs(context, planned_jobs, language, work_dir, runner, done, on_job, on_progress)
        except _LanguageUnknown as exc:
            return Skipped(
                reason=SkipReason.LANGUAGE,
                hint=f"{exc}. Set the right language, or set KADR_WHISPER_MODEL to a model that knows it.",
            )
    finally:
        speech.audio_file.unlink(missing_ok=True)
    return await asyncio.to_thread(_transcript, results, speech, task)


async def detect_speech(audio: SourceAudio, work_dir: Path, runner: ChildRunner, on_progress: Progress) -> Speech:
    """Decode the track and find the speech in it. The decoded audio is written to `work_dir`; 115 MB an hour."""
    answer: dict[str, Any] = {}

    def line(text: str) -> None:
        answer.update(json.loads(text))
        if "done" in answer:
            on_progress(answer.pop("done"))

    audio_file = work_dir / "speech.s16"
    request = {
        "file": str(audio.file.absolute()),
        "demuxer": audio.demuxer,
        "index": audio.index,
        "origin_s": str(audio.origin_s),
        "duration_s": str(audio.duration_s),
        "audio_file": str(audio_file.absolute()),
    }
    # A hundred times faster than real time is usual; ten times is still a machine that works.
    limit_s = int(120 + audio.duration_s / 10)
    await runner.run(
        python_argv("subtitles.speech.voice_activity_child"),
        work_dir=work_dir,
        readable=[audio.file],
        limits=Limits(
            wall_s=limit_s,
            cpu_s=limit_s,
            memory_bytes=4 * GIB,
            file_bytes=int(2 * RATE_HZ * audio.duration_s) + MIB,
        ),
        on_stdout_line=line,
        stdin=json.dumps(request).encode(),
        nice=niceness.SPEECH,
    )
    spans = tuple(Span(start=start, end=end) for start, end in answer["spans"])
    return Speech(audio_file=audio_file, samples=answer["samples"], spans=spans)


class _LanguageUnknown(KadrError):
    """The model does not know the declared language."""


async def _run_jobs(
    context: _Context,
    planned: Sequence[Job],
    declared: str | None,
    work_dir: Path,
    runner: ChildRunner,
    done: Mapping[int, JobResult],
    on_job: Callable[[JobResult], Awaitable[None]],
    on_progress: Progress,
) -> list[JobResult]:
    """The results of all jobs, in order; those in `done` are not run again."""
    language = whisper_language(declared)
    total, before = sum(job.samples for job in planned), 0
    results: list[JobResult] = []
    for job in planned:

        def report(samples: int, before: int = before) -> None:
            on_progress(DETECTION_SHARE + (1 - DETECTION_SHARE) * (before + samples) / total)

        earlier_result = done.get(job.number)
        if earlier_result and earlier_result.answers(job, model=context.model.id, task=context.task, language=language):
            results.append(earlier_result)
        else:
            results.append(await _run_job(context, job, language, results, work_dir, runner, report))
            await on_job(results[-1])
        before += job.samples
        report(0, before)
    return results


async def _run_job(
    context: _Context,
    job: Job,
    language: str | None,
    earlier: Sequence[JobResult],
    work_dir: Path,
    runner: ChildRunner,
    on_samples: Callable[[int], None],
) -> JobResult:
    """Run Whisper over one job. The language detected in the first job of a title applies to all."""
    answer: dict[str, Any] = {}
    segments: list[Segment] = []

    def line(text: str) -> None:
        message = json.loads(text)
        if segment := message.get("segment"):
            segments.append(adapter(Segment).validate_python(segment))
        elif "done" in message:
            on_samples(message["done"])
        else:
            answer.update(message)

    model, speech = context.model, context.speech
    argv = python_argv("subtitles.speech.transcribe_child")
    finished = await runner.run(
        argv,
        work_dir=work_dir,
        readable=[speech.audio_file, *model.readable],
        limits=_limits(model, job),
        on_stdout_line=line,
        stdin=json.dumps(_request(context, job, language, earlier)).encode(),
        nice=niceness.SPEECH,
    )
    if refused := answer.get("refused"):
        if refused["code"] == "language":
            raise _LanguageUnknown(refused["message"][:1].upper() + refused["message"][1:])
        raise ConfigError(f"KADR_WHISPER_MODEL: {model.folder}: {refused['message']}")
    if not answer.get("end"):
        raise ToolFailed(argv, 0, finished.stderr_tail, "Whisper exited without its last line")
    return JobResult(
        job=job,
        model=model.id,
        task=context.task,
        language=answer["language"],
        language_probability=earlier[0].language_probability if earlier else answer["probability"],
        segments=tuple(segments),
        heard=answer["heard"],
    )


def _request(context: _Context, job: Job, declared: str | None, earlier: Sequence[JobResult]) -> dict[str, Any]:
    """The request of subtitles.speech.transcribe_child, as JSON values."""
    return {
        "audio_file": str(context.speech.audio_file.absolute()),
        "samples": context.speech.samples,
        "model": str(context.model.folder),
        "compute_type": context.model.compute_type,
        "threads": context.model.threads,
        "batch": context.model.batch,
        "task": context.task,
        "language": earlier[0].language if earlier else declared,
        "declared": declared is not None,
        "places": [[(span.start, span.end) for span in place] for place in context.places],
        "spans": [(span.start, span.end) for span in job.spans],
    }


def _limits(model: Whisper, job: Job) -> Limits:
    limit_s = LOADING_S + SLOWEST * job.samples // RATE_HZ
    return Limits(
        wall_s=limit_s,
        cpu_s=limit_s * model.threads,
        # A model is converted while it is loaded; threads reserve addresses they never use.
        memory_bytes=4 * GIB + 3 * model.size_bytes + model.threads * GIB // 2,
        file_bytes=MIB,
    )


def _transcript(results: Sequence[JobResult], speech: Speech, task: Task) -> Transcript | Skipped:
    """The segments of all jobs, checked by the guards."""
    segments = [segment for result in results for segment in result.segments]
    checked = continued(guards.checked(segments, speech.spans, speech.end_ms))
    if not any(segment.is_shown for segment in checked):
        return NO_SPEECH
    heard = sum((Counter(result.heard) for result in results), Counter[str]())
    language, probability = results[0].language, results[0].language_probability
    if probability is not None and heard and (most := heard.most_common(1)[0])[0] != language:
        language, probability = most[0], round(most[1] / heard.total(), 4)
    if probability is not None and not heard:  # a model that knows one language cannot tell which it hears
        words = [word.probability for segment in checked for word in segment.words if word.probability is not None]
        probability = round(sum(words) / len(words), 4) if words else 0.0
        if probability < LEAST_CERTAIN:
            return _OTHER_LANGUAGE
    words_heard = (word for segment in checked for word in segment.words)  # the doubtful are told by their flags
    return Transcript(
        language="en" if task == "translate" else language,
        language_probability=probability,
        model=results[0].model,
        task=task,
        segments=checked,
        heard={name: round(samples / heard.total(), 3) for name, samples in heard.most_common()},
        wordless=tuple((span.start_ms, span.end_ms) for span in without_words(speech.spans, words_heard)),
    )
