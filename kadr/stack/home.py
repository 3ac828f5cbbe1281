"""The state folder of one embedded stack: its lock, its sub-folders, and private files written atomically.

In: a path. Out: `Home`, locked by this process. Refuses a folder that another `kadr up` has locked or that is not
writable.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from core.errors import ConfigError


def write_private(path: Path, text: str) -> None:
    """Replace the file `path` by `text` atomically, with mode 0600: no reader and no crash ever sees half of it."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(fd, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


class Home:
    """A state folder, locked inside its `with` block; the kernel releases the lock when the process ends.

    Entering raises ConfigError when the folder is locked by another process or not writable.
    """

    def __init__(self, path: Path) -> None:
        # Resolved, because leftovers are recognized by /proc/PID/cwd, which the kernel resolves too.
        self.path = path.expanduser().resolve()
        self._lock_fd = -1

    def __enter__(self) -> Self:
        try:
            # An existing folder keeps its mode; everything created inside it is private anyway.
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            # Python opens files close-on-exec, so no child can hold the lock after this process has ended.
            fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as exc:
            raise ConfigError(f"{self.path} cannot be used as the home of `kadr up`: {exc.strerror}") from exc
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as exc:
            pid = os.pread(fd, 32, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(fd)
            raise ConfigError(
                f"another `kadr up` (pid {pid}) already runs on {self.path}; "
                f"its endpoints are in {self.path / 'endpoints.json'}"
            ) from exc
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
        self._lock_fd = fd
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        os.ftruncate(self._lock_fd, 0)
        os.close(self._lock_fd)

    def folder(self, name: str) -> Path:
        """The sub-folder `name`, created if missing, with mode 0700."""
        folder = self.path / name
        folder.mkdir(mode=0o700, exist_ok=True)
        folder.chmod(0o700)
        return folder

    def log(self, name: str) -> Path:
        """The path of the log file of the child `name`."""
        return self.folder("logs") / f"{name}.log"
