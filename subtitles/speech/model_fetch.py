"""Downloads a Whisper model, only when told to: the only module of subtitles that uses the network.

In: a name, the models folder. Out: the folder of a whole model; one that is there already stays as it is. What was
downloaded halfway is taken up again and is never taken for a model. Raises ConfigError for an unknown name, Transient
when the hub does not answer.
"""

import asyncio
import shutil
from pathlib import Path

from core.errors import ConfigError, Transient
from core.settings import Settings
from subtitles.speech.model import Whisper, check, chosen, folder_name, models_dir, repository

FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")


async def ready(settings: Settings) -> Whisper | None:
    """The model of the settings, downloaded if it has to be and may be. None: there is none on this machine."""
    model = chosen(settings)
    if model is None and settings.whisper_model and settings.whisper_download:
        await fetch(settings.whisper_model, models_dir(settings))
        model = chosen(settings)
    return model


async def fetch(name: str, models: Path) -> Path:
    """Download a model into its folder below `models`, some gigabytes; the folder. See the module for errors."""
    return await asyncio.to_thread(_fetch, name, models)


def _fetch(name: str, models: Path) -> Path:
    # Imported when asked for: nobody else needs its client.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError, RepositoryNotFoundError  # type: ignore[attr-defined]

    repo, folder = repository(name), models / folder_name(name)
    if folder.is_dir():
        check(folder)
        return folder
    part = models / f".{folder.name}.part"
    part.mkdir(parents=True, exist_ok=True)
    try:
        snapshot_download(repo, local_dir=part, allow_patterns=list(FILES))
    except RepositoryNotFoundError as exc:
        shutil.rmtree(part)
        raise ConfigError(f"{name}: the hub has no repository {repo}") from exc
    except (HTTPError, OSError) as exc:
        raise Transient(f"the model {name} cannot be downloaded from {repo}: {exc}") from exc
    check(part)
    part.rename(folder)
    return folder
