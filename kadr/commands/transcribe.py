"""`kadr transcribe`: the transcript of one file, without any service.

In: a file, a model and a language where they are not the settings'. Out: on stdout the text, the words as `kadr cues`
takes them, or the whole transcript as JSON. A file in which nobody speaks is no failure: the reason goes to stderr.
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
from core.settings import Settings
from subtitles.speech.jobs import JobResult
from subtitles.speech.model_fetch import ready
from subtitles.speech.transcribe import Progress as OnProgress
from subtitles.speech.transcribe import SourceAudio, transcribe
from subtitles.speech.transcript import Skipped, Transcript, to_json, words_json
from transcode.probe.probe import probe
from transcode.probe.sniff import DEMUXERS
from transcode.probe.source import Source

Form = Literal["text", "words", "json"]


class CannotTranscribe(KadrError):
    """The file cannot be used; says why."""


def run(
    file: Path,
    *,
    form: Form = "text",
    model: str | None = None,
    language: str | None = None,
    translate: bool = False,
) -> int:
    """Transcribe and print. `model`: instead of KADR_WHISPER_MODEL; `translate`: into English.

    Without a `language` it is detected: the language tags of files are often a default.
    """
    if not file.is_file():
        raise CannotTranscribe(f"{file}: no such file")
    settings = Settings.load()
    if model:
        settings = settings.model_copy(update={"whisper_model": model})
    transcript = asyncio.run(_transcribe(file.resolve(), settings, language, translate=translate))
    if isinstance(transcript, Skipped):
        print(f"kadr transcribe: skipped: {transcript.reason}. {transcript.hint}", file=sys.stderr)
    if text := _printed(transcript, form):
        print(text)
    return 0


def _printed(transcript: Transcript | Skipped, form: Form) -> str:
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
    if model is None and name:
        raise ConfigError(
            f"the model {name!r} is not on this machine; `kadr models fetch {name}` gets it, "
            "or KADR_WHISPER_DOWNLOAD=true allows to"
        )

    async def on_job(_: JobResult) -> None:
        """One file, one go: nothing to keep for later."""

    with tempfile.TemporaryDirectory(prefix="kadr-transcribe-") as folder, _bar() as on_progress:
        work_dir = Path(folder)
        source, _ = await probe(
            file, work_dir, runner, max_pixels=settings.max_pixels, max_duration_s=settings.max_duration_s
        )
        return await transcribe(
            _source_audio(file, source),
            model,
            language=language,
            work_dir=work_dir,
            runner=runner,
            done={},
            on_job=on_job,
            on_progress=on_progress,
            task="translate" if translate else "transcribe",
        )


def _source_audio(file: Path, source: Source) -> SourceAudio | None:
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
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _: None
        return
    columns = (TextColumn("transcribe"), BarColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("transcribe", total=1.0)
        yield lambda share: progress.update(task, completed=share)
