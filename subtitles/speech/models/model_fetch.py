"""Fetches a Whisper model, only when told to.

In: a name, the models folder. Out: the folder of a whole model; one that is there already stays as it is. A model of
known_models is fetched and verified by core.models.fetch; any other comes from the hub and is taken as it is, and what
was downloaded halfway is taken up again. Raises as core.models.fetch does, ConfigError for an unknown name and
Transient when the hub does not answer.
"""

import asyncio
import shutil
from pathlib import Path

from core.errors import ConfigError, Transient
from core.folder_lock import free
from core.models.fetch import SILENT, fetch_known, into
from core.models.folders import models_dir, part_of
from core.models.sources import Reporter, download
from core.settings import Settings
from subtitles.speech.models.known_models import known_model
from subtitles.speech.models.model import Whisper, check, chosen, folder_name, repository

FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")


async def ready(settings: Settings) -> Whisper | None:
    """The model of the settings, downloaded if it has to be and may be. None: there is none on this machine.

    One that another process is fetching is waited for: the first upload after a first start has its captions, too.
    """
    model = chosen(settings)
    if model is None and settings.whisper_model:
        models = models_dir(settings)
        if settings.whisper_download:
            await fetch(settings.whisper_model, models)
        else:
            await free(part_of(models / folder_name(settings.whisper_model)))
        model = chosen(settings)
    return model


async def fetch(name: str, models: Path, reporter: Reporter = SILENT) -> Path:
    """Fetch a model, some gigabytes at most, into its folder below `models`; the folder. See the module for errors."""
    folder, known = models / folder_name(name), known_model(name)
    is_kept = folder.is_dir()
    if is_kept:
        check(folder)
    if known is not None:
        return await fetch_known(name, known, folder, reporter)
    return folder if is_kept else await into(folder, name, reporter, lambda part: _from_hub(name, part))


async def _from_hub(name: str, part: Path) -> Path:
    """A model of any repository, taken as it is. Raises ConfigError where the repository has no model."""
    try:
        hub = await asyncio.to_thread(download, repository(name), FILES, part / "hub")
    except Transient as exc:
        raise Transient(f"the model {name} cannot be downloaded from {repository(name)}: {exc}") from exc
    except ConfigError as exc:
        raise ConfigError(f"{name}: {exc}") from exc
    check(hub)
    shutil.rmtree(hub / ".cache", ignore_errors=True)  # the client's own notes
    return hub
