"""Finds the Whisper model of the settings and checks its files. Reads folders only: no model, no network.

In: the settings. Out: `Whisper`, or None where no model is set or the one that is set is not on this machine. Raises
ConfigError, which names the variable, for what can never work: a folder that lacks a file, a name nobody knows.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from core.errors import ConfigError
from core.models.folders import models_dir
from core.sandbox import machine
from core.settings import Settings

MOST_THREADS = 4  # with more, a job hardly gets faster and the machine's other work slower
# Without its tokenizer faster-whisper would ask the network for one.
NEEDED = ("model.bin", "config.json", "tokenizer.json")
VOCABULARIES = ("vocabulary.json", "vocabulary.txt")

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")

# What people call a model -> its repository of CTranslate2 files.
REPOSITORIES = {
    **{size: f"Systran/faster-whisper-{size}" for size in ("tiny", "base", "small", "medium")},
    **{f"{size}.en": f"Systran/faster-whisper-{size}.en" for size in ("tiny", "base", "small", "medium")},
    **{f"large-v{n}": f"Systran/faster-whisper-large-v{n}" for n in (1, 2, 3)},
    "large": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
    "distil-large-v3": "Systran/faster-distil-whisper-large-v3",
    "distil-large-v3.5": "distil-whisper/distil-large-v3.5-ct2",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Whisper:
    """A model on this machine and how it is run."""

    id: str  # what tracks and results say they are made by
    folder: Path
    compute_type: str
    threads: int
    batch: int

    @property
    def readable(self) -> tuple[Path, ...]:
        """What its program must be able to read: the hub's cache keeps links to files that lie elsewhere."""
        files = (path.resolve() for path in self.folder.iterdir() if path.is_file())
        return (self.folder, *(path for path in files if path.parent != self.folder.resolve()))

    @property
    def size_bytes(self) -> int:
        return (self.folder / "model.bin").stat().st_size


def chosen(settings: Settings) -> Whisper | None:
    """The model that the settings name; None where it is not on this machine. Raises ConfigError."""
    if not settings.whisper_model:
        return None
    if settings.whisper_device == "cuda":
        raise ConfigError(
            "KADR_WHISPER_DEVICE='cuda': media programs run in a sandbox that has no devices; give 'auto' or 'cpu'"
        )
    folder = find(settings.whisper_model, models_dir(settings))
    if folder is None:
        return None
    check(folder)
    return Whisper(
        id=settings.whisper_model if not _is_path(settings.whisper_model) else folder.name,
        folder=folder,
        compute_type=settings.whisper_compute_type,
        threads=threads(settings),
        batch=settings.whisper_batch,
    )


def threads(settings: Settings) -> int:
    """Threads of one speech or translation model."""
    return settings.whisper_threads or min(MOST_THREADS, machine.threads())


def find(name: str, models: Path) -> Path | None:
    """The folder of a model: as given, among the fetched ones, or in the hub's cache. Raises ConfigError."""
    if _is_path(name):
        folder = Path(name).expanduser()
        if not folder.is_dir():
            raise ConfigError(f"KADR_WHISPER_MODEL={name!r}: there is no such folder")
        return folder.absolute()
    fetched = models / folder_name(name)
    return fetched.absolute() if fetched.is_dir() else _cached(repository(name))


def check(folder: Path) -> None:
    """Raises ConfigError that names the file which is missing."""
    missing = [name for name in NEEDED if not (folder / name).is_file()]
    if not any((folder / name).is_file() for name in VOCABULARIES):
        missing.append(VOCABULARIES[0])
    if missing:
        raise ConfigError(
            f"KADR_WHISPER_MODEL: the folder {folder} has no {', '.join(missing)}; a model has the files "
            f"{', '.join((*NEEDED, VOCABULARIES[0]))}. `kadr models fetch NAME` gets whole ones"
        )


def repository(name: str) -> str:
    """The model hub's repository (owner/name) of a model name. Raises ConfigError for an unknown name."""
    if _REPOSITORY.fullmatch(name):
        return name
    if name not in REPOSITORIES:
        raise ConfigError(
            f"KADR_WHISPER_MODEL={name!r}: give one of {', '.join(REPOSITORIES)}, a repository (owner/name) "
            "of a CTranslate2 model, or a folder (/path or ./path)"
        )
    return REPOSITORIES[name]


def folder_name(name: str) -> str:
    """Where a fetched model lies below the models folder. Raises ConfigError."""
    return repository(name).replace("/", "--")


def _is_path(name: str) -> bool:
    return name.startswith(("/", "./", "../", "~"))


def _cached(repo: str) -> Path | None:
    """What an earlier download by any program left in the hub's cache."""
    cache = os.environ.get("HF_HUB_CACHE")
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    folder_of_repository = (Path(cache) if cache else home / "hub") / f"models--{repo.replace('/', '--')}"
    revision = folder_of_repository / "refs" / "main"
    if not revision.is_file():
        return None
    folder = folder_of_repository / "snapshots" / revision.read_text().strip()
    return folder.absolute() if (folder / "model.bin").is_file() else None
