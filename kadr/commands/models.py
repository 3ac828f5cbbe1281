"""`kadr models`: list the models on this machine (Whisper's, and the one that finds faces) and fetch one.

In: the settings. Out: a table, or the folder of the new model, on stdout; how it goes on stderr, with a bar on a
terminal. Nothing else in Kadr downloads a model but `kadr up`, which runs this, and workers where
KADR_WHISPER_DOWNLOAD allows it.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from core.errors import ConfigError
from core.models.fetch import fetch_known
from core.models.folders import models_dir
from core.models.sources import Reporter
from core.settings import Settings
from subtitles.speech.models import model as models
from subtitles.speech.models.known_models import is_english_only
from subtitles.speech.models.model_fetch import fetch
from thumbnails.vision import face_model

SAYS = "kadr models: "  # before every line; `kadr up` passes such lines on
MB = 1_000_000
LINE_EVERY_S = 5.0  # of progress, where there is no bar


def run_fetch(name: str) -> int:
    """Fetch a model into the models folder and print its path; returns the exit code. Raises KadrError."""
    settings = Settings.load()
    with _reporter() as reporter:
        folder = asyncio.run(_fetch(name, models_dir(settings), reporter))
    print(folder)
    return 0


async def _fetch(name: str, folder: Path, reporter: Reporter) -> Path:
    if name == face_model.NAME:
        return await fetch_known(name, face_model.CENTERFACE, folder / name, reporter)
    return await fetch(name, folder, reporter)


def run_list() -> int:
    """Print the models on this machine, that of the settings marked with *, then the names that can be fetched."""
    settings = Settings.load()
    for name, folder in _installed(settings).items():
        mark = "*" if name == settings.whisper_model else " "
        print(f"{mark} {name:<24} {_state(folder)}  {folder}{_languages(name)}")
    if (file := face_model.fetched(models_dir(settings))) is not None:
        mark = "*" if settings.face_model == face_model.NAME else " "
        print(f"{mark} {face_model.NAME:<24} {file.stat().st_size / MB:7.0f} MB  {file.parent}  (faces in posters)")
    names = ", ".join((*models.REPOSITORIES, face_model.NAME))
    print(f"kadr models fetch NAME: {names}, or owner/name")
    return 0


def _languages(name: str) -> str:
    """What a person has to know before they choose a model: that it knows one language."""
    return "  (English only)" if name in models.REPOSITORIES and is_english_only(name) else ""


def _installed(settings: Settings) -> dict[str, Path]:
    """{name: folder} of the models on this machine: known names, other downloads and the model of the settings."""
    folder = models_dir(settings)
    names = list(models.REPOSITORIES)
    known = {models.folder_name(name) for name in names}
    if folder.is_dir():
        fetched = sorted(entry.name for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
        names += [name.replace("--", "/", 1) for name in fetched if name not in known and "--" in name]
    if settings.whisper_model and settings.whisper_model not in names:
        names.append(settings.whisper_model)
    folders = {name: models.find(name, folder) for name in names}
    return {name: path for name, path in folders.items() if path is not None}


def _state(folder: Path) -> str:
    """The size of a model in MB, or "incomplete" where one of its files is missing."""
    try:
        models.check(folder)
    except ConfigError:
        return "incomplete"
    return f"{(folder / 'model.bin').stat().st_size / MB:7.0f} MB"


class Lines:
    """Tells a fetch in lines: every step, and of a download that takes long how far it is."""

    def __init__(self, show: Callable[[str], None], clock: Callable[[], float] = monotonic) -> None:
        self._show, self._clock = show, clock
        self._last, self._told_bytes = clock(), MB

    def say(self, line: str) -> None:
        self._last, self._told_bytes = self._clock(), MB
        self._show(f"{SAYS}{line}")

    def measure(self, done_bytes: int, total_bytes: int) -> None:
        # What does not move is not told again: a slow disk, or an installer that has all it wants.
        if done_bytes > self._told_bytes and self._clock() - self._last >= LINE_EVERY_S:
            self.say(f"{done_bytes / MB:.0f} of {total_bytes / MB:.0f} MB")
            self._told_bytes = done_bytes


class _Bars(Lines):
    """Tells a fetch on a terminal: every step in a line, and a bar that moves."""

    def __init__(self, bars: Progress) -> None:
        super().__init__(lambda line: bars.console.print(line, markup=False, highlight=False, soft_wrap=True))
        self._bars, self._task = bars, bars.add_task("kadr models", visible=False)

    def say(self, line: str) -> None:
        self._bars.update(self._task, visible=False)
        super().say(line)

    def measure(self, done_bytes: int, total_bytes: int) -> None:
        self._bars.update(self._task, completed=done_bytes, total=total_bytes, visible=True)


@contextmanager
def _reporter() -> Iterator[Reporter]:
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines(lambda line: print(line, file=sys.stderr, flush=True))
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bars:
        yield _Bars(bars)
