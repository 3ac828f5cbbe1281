"""A folder that only this user writes to, also where its name can be guessed, as below /tmp."""

import os
from pathlib import Path

from core.errors import ConfigError


def own_folder(path: Path, setting: str) -> Path:
    """The folder, made for this user alone where there is none; `setting` names it.

    Raises ConfigError where it is another user's: that user could exchange what is in it. Root's will do.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    owners = {path.lstat().st_uid, path.stat().st_uid}  # of a link, and of where it leads
    if not owners <= {os.getuid(), 0}:
        raise ConfigError(f"{setting}={path}: the folder belongs to another user; name one of your own")
    return path
