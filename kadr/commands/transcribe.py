"""`kadr transcribe`: transcribe one file, without any service.

In: a file, and a model and a language that override the settings. Out: on stdout the text, the words in the format of
`kadr cues`, or the whole transcript as JSON. A file without speech is not an error: the reason goes to stderr. Raises
ConfigError where there is no model.
"""

import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from core.errors import ConfigError, KadrError
from core.sandbox.child import ChildRunner
from core.settings import NO_MODEL, Settings
from subtitles.speech.jobs import JobResult
from subtitles.speech.models.model_fetch import ready
from subtitles.speech.transcribe import Progress as OnProgress
from subtitles.speech.transcribe import SourceAudio, transcribe
from subtitles.speech.transcript import Skipped, Transcript, to_json, words_json
from transcode.probe.probe import probe_title
from transcode.probe.sniff import DEMUXERS
from transcode.probe.source import Source

Form = Literal["text", "words", "json"]


class CannotTranscribe(KadrError):
    """The file cannot be transcribed."""


def run(
    file: Path,
    *,
    form: Form = "text",
    model: str | None = None,
    language: str | None = None,
    translate: bool = False,
) -> int:
    """Transcribe a file and print the result; returns the exit code. Raises KadrError.

    `model` overrides KADR_WHISPER_MODEL; `translate` translates into English. Without a `language` it is detected from
    the audio: the language tag of a file is often just a default.
    """
    if not file.is_file():
        raise CannotTranscribe(f"{file}: no such file")
    settings = Settings.load()
    if model:
        settings = settings.model_copy(update={"whisper_model": None if model == NO_MODEL else model})
    transcript = asyncio.run(_transcribe(file.resolve(), settings, language, translate=translate))
    if isinstance(transcript, Skipped):
        print(f"kadr transcribe: skipped: {transcript.reason}. {transcript.hint}", file=sys.stderr)
    if text := _format(transcript, form):
        print(text)
    return 0


def _format(transcript: Transcript | Skipped, form: Form) -> str:
    """The output for stdout, without its last line break."""
    if isinstance(transcript, Skipped):
        skipped = json.dumps({"skipped": {"reason": transcript.reason, "hint": transcript.hint}}, indent=2)
        return {"text": "", "words": "[]", "json": skipped}[form]
    if form == "words":
        return words_json(transcript.words)
    if form == "json":
        return json.dumps(to_json(transcript), ensure_ascii=False, indent=2)
    return transcript.text


async def _transcribe(file: Path, settings: Settings, language: str | None, *, translate: bool) -> Transcript | Skipped:
    runner = await ChildRunner.detect(settings.sandbox)
    model, name = await ready(settings), settings.whisper_model
    if model is None and not name:
        raise ConfigError(
            "no speech model is set: run `kadr models fetch base`, then give --model base or set "
            "KADR_WHISPER_MODEL=base; a folder with a model does, too"
        )
    if model is None:
        raise ConfigError(
            f"the model {name!r} is not on this machine; download it with `kadr models fetch {name}`, "
            "or set KADR_WHISPER_DOWNLOAD=true"
        )

    async def on_job(_: JobResult) -> None:
        """Ignore partial results: one file is transcribed in one run and never resumed."""

    with tempfile.TemporaryDirectory(prefix="kadr-transcribe-") as folder, _bar() as on_progress:
        work_dir = Path(folder)
        probed = await probe_title(
            file, work_dir, runner, max_pixels=settings.max_pixels, max_duration_s=settings.max_duration_s
        )
        return await transcribe(
            _audio_track(probed.file, probed.source),
            model,
            language=language,
            work_dir=work_dir,
            runner=runner,
            done={},
            on_job=on_job,
            on_progress=on_progress,
            task="translate" if translate else "transcribe",
        )


def _audio_track(file: Path, source: Source) -> SourceAudio | None:
    """The first audio track of a file; None where it has none."""
    if not source.audio:
        return None
    return SourceAudio(
        file=file,
        demuxer=DEMUXERS[source.container],
        index=source.audio[0].index,
        origin_s=source.origin_s,
        duration_s=source.duration_s,
    )


@contextmanager
def _bar() -> Iterator[OnProgress]:
    """A callback that takes the finished share (0 to 1) and shows it on stderr, if that is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("transcribe"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("transcribe", total=1.0)
        yield lambda share: progress.update(task, completed=share)
