"""Gets wheels with the installer that this environment has, and unpacks them: for wheels that carry data.

In: names, versions and digests of wheels, a folder. Out: their files below the folder; nothing in them is run. Where
packages come from is the installer's own configuration: no index is named here. Raises Transient where a wheel is not
to be had, WrongDigest where it is another one, and ConfigError where there is no installer.
"""

import asyncio
import importlib.util
import os
import re
import shutil
import sys
import sysconfig
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import ConfigError, Transient

TIMEOUT_S = 3600.0  # 100 MB at 30 kB/s; the installers give up on a silent server much earlier
LONGEST = 400
_MISMATCH = re.compile(r"do not match the hashes|hash mismatch", re.IGNORECASE)
_ERROR = re.compile(r"^error: *", re.IGNORECASE)


class WrongDigest(ConfigError):
    """A file has another digest than it must have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel of data for every platform, and the SHA-256 of its file."""

    name: str
    version: str
    sha256: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.name} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installer:
    """The installer of this environment, and how it is called."""

    kind: Literal["pip", "uv"]
    argv: tuple[str, ...]

    def get(self, requirements: Path, to: Path) -> tuple[str, ...]:
        """The command line that puts what `requirements` pins into the folder `to`: pip wheels, uv unpacked ones."""
        exactly = ("--no-deps", "--only-binary", ":all:", "--require-hashes", "--requirement", str(requirements))
        if self.kind == "pip":
            # Its cache would keep another copy of what is wanted once.
            quietly = ("--quiet", "--no-input", "--disable-pip-version-check", "--progress-bar=off", "--no-cache-dir")
            return (*self.argv, "download", *quietly, *exactly, "--dest", str(to))
        python = ("--quiet", "--no-progress", "--python", sys.executable)
        return (*self.argv, "pip", "install", *python, *exactly, "--target", str(to))


def installer() -> Installer:
    """This Python's own pip, else uv, else a pip on the PATH. Raises ConfigError where there is none."""
    if importlib.util.find_spec("pip") is not None:
        # -P: a folder named pip in the working directory is not it.
        return Installer(kind="pip", argv=(sys.executable, "-P", "-m", "pip"))
    if uv := shutil.which("uv", path=sysconfig.get_path("scripts")) or shutil.which("uv"):
        return Installer(kind="uv", argv=(uv,))
    if pip := shutil.which("pip"):
        return Installer(kind="pip", argv=(pip,))
    raise ConfigError("this environment has neither pip nor uv")


async def unpack(wheels: Sequence[Wheel], folder: Path, *, found: Installer | None = None) -> Path:
    """Get `wheels` into `folder`, which is made anew; the folder below it that has their files.

    All that is written meanwhile, the installer's temporary files too, lies in `folder`. See the module for errors.
    """
    found = found or installer()
    await asyncio.to_thread(_empty, folder)
    requirements = folder / "requirements.txt"
    pins = (f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in wheels)
    requirements.write_text("".join(pins))
    to, temporary = folder / "files", folder / "temporary"
    # /tmp may be small memory, as it is in the containers.
    env = {**os.environ, "TMPDIR": str(temporary), "UV_CACHE_DIR": str(temporary / "cache")}
    code, said = await _run(found.get(requirements, to), env)
    if code != 0 and _MISMATCH.search(said):
        raise WrongDigest(f"what {found.kind} got has another SHA-256 than the published one")
    if code != 0:
        raise Transient(f"{found.kind} cannot get it: {reason(said) or f'exit code {code}'}")
    await asyncio.to_thread(_unzip_all, to)
    shutil.rmtree(temporary, ignore_errors=True)
    return to


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("files", "temporary"):
        (folder / name).mkdir(parents=True)


async def _run(argv: tuple[str, ...], env: dict[str, str]) -> tuple[int, str]:
    """The exit code of a program and what it wrote to stderr; it is ended when this is cancelled."""
    running = await asyncio.create_subprocess_exec(
        *argv,
        env=env,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, said = await running.communicate()
    except TimeoutError as exc:
        raise Transient(f"{Path(argv[0]).name} took longer than {TIMEOUT_S:g} s") from exc
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    return running.returncode or 0, said.decode("utf-8", "replace")


def reason(said: str) -> str:
    """What an installer says went wrong, in one line: its errors without its warnings."""
    lines = [line.strip(" ×╰─▶") for line in said.splitlines() if line.strip() and not line.startswith("WARNING")]
    first = next((n for n, line in enumerate(lines) if line.lower().startswith("error:")), 0)
    return " ".join(_ERROR.sub("", line) for line in lines[first:])[:LONGEST]


def _unzip_all(folder: Path) -> None:
    """Unpack the wheels that lie in a folder into it, and remove them."""
    for wheel in folder.glob("*.whl"):
        with zipfile.ZipFile(wheel) as opened:
            opened.extractall(folder)  # never out of the folder, and its digest was checked
        wheel.unlink()
