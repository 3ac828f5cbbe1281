"""`kadr models`: list the Whisper models on this machine and download one.

In: the settings. Out: a table, or the folder of the new model, on stdout. Nothing else in Kadr downloads a model unless
KADR_WHISPER_DOWNLOAD allows it.
"""

import asyncio
from pathlib import Path

from core.errors import ConfigError
from core.settings import Settings
from subtitles.speech import model as models
from subtitles.speech.model_fetch import fetch


def run_fetch(name: str) -> int:
    """Download a model into the models folder and print its path; returns the exit code. Raises KadrError."""
    settings = Settings.load()
    print(asyncio.run(fetch(name, models.models_dir(settings))))
    return 0


def run_list() -> int:
    """Print the models on this machine, that of the settings marked with *, then the names that can be downloaded."""
    settings = Settings.load()
    for name, folder in _installed(settings).items():
        mark = "*" if name == settings.whisper_model else " "
        print(f"{mark} {name:<24} {_state(folder)}  {folder}")
    print(f"kadr models fetch NAME: {', '.join(models.REPOSITORIES)}, or owner/name")
    return 0


def _installed(settings: Settings) -> dict[str, Path]:
    """{name: folder} of the models on this machine: known names, other downloads and the model of the settings."""
    folder = models.models_dir(settings)
    names = list(models.REPOSITORIES)
    known = {models.folder_name(name) for name in names}
    if folder.is_dir():
        fetched = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
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
    return f"{(folder / 'model.bin').stat().st_size / 1e6:7.0f} MB"
