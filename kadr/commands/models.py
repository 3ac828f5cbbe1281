"""`kadr models`: the Whisper models on this machine, and how one comes here on purpose.

In: the settings. Out: a table or a folder on stdout. Nothing else of Kadr downloads a model unless
KADR_WHISPER_DOWNLOAD allows it.
"""

import asyncio
from pathlib import Path

from core.errors import ConfigError
from core.settings import Settings
from subtitles.speech import model as models
from subtitles.speech.model_fetch import fetch


def run_fetch(name: str) -> int:
    """Download a model into the models folder, with the hub's own progress bars; prints where it is."""
    settings = Settings.load()
    print(asyncio.run(fetch(name, models.models_dir(settings))))
    return 0


def run_list() -> int:
    """Every model that could be used here, the one of the settings marked; then the names that can be fetched."""
    settings = Settings.load()
    for name, folder in _here(settings).items():
        mark = "*" if name == settings.whisper_model else " "
        print(f"{mark} {name:<24} {_state(folder)}  {folder}")
    print(f"kadr models fetch NAME: {', '.join(models.REPOSITORIES)}, or owner/name")
    return 0


def _here(settings: Settings) -> dict[str, Path]:
    """{name: folder} of the known names that are here, whatever else was fetched, and the one that is set."""
    folder = models.models_dir(settings)
    names = list(models.REPOSITORIES)
    known = {models.folder_name(name) for name in names}
    if folder.is_dir():
        fetched = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
        names += [name.replace("--", "/", 1) for name in fetched if name not in known and "--" in name]
    if settings.whisper_model and settings.whisper_model not in names:
        names.append(settings.whisper_model)
    found = {name: models.find(name, folder) for name in names}
    return {name: where for name, where in found.items() if where is not None}


def _state(folder: Path) -> str:
    try:
        models.check(folder)
    except ConfigError:
        return "incomplete"
    return f"{(folder / 'model.bin').stat().st_size / 1e6:7.0f} MB"
