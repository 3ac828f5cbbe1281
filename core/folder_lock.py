"""A folder in which one process at a time works: made when it is locked, removed or renamed by whoever holds it.

The lock is the kernel's, on the folder itself: it ends with its process, and leaves no file behind. In: a path. Raises
Transient where another process holds it for very long, ConfigError where the folder cannot be made.
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from time import monotonic

from core.errors import ConfigError, Transient

ASKS_EVERY_S, WAITS_S = 0.5, 3600.0


@asynccontextmanager
async def alone_in(folder: Path, waiting: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Make `folder` and hold its lock. `waiting` is called once where another process holds it."""
    deadline, told = monotonic() + WAITS_S, False
    while (lock := _made_and_locked(folder)) is None:
        if monotonic() > deadline:
            raise Transient(f"another process has held {folder} for {WAITS_S:g} s")
        if not told:
            waiting()
            told = True
        await asyncio.sleep(ASKS_EVERY_S)
    try:
        yield
    finally:
        os.close(lock)


async def free(folder: Path) -> None:
    """Return once nobody holds `folder`, at once where it does not exist; after WAITS_S in any case."""
    for _ in range(int(WAITS_S / ASKS_EVERY_S)):
        if not _is_held(folder):
            return
        await asyncio.sleep(ASKS_EVERY_S)


def _made_and_locked(folder: Path) -> int | None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"{folder.parent} cannot be written: {exc.strerror}") from exc
    return _locked(folder)


def _is_held(folder: Path) -> bool:
    if (lock := _locked(folder)) is not None:
        os.close(lock)
    return lock is None and folder.is_dir()


def _locked(folder: Path) -> int | None:
    """A descriptor that holds the lock of a folder. None: another process has it, or the folder is gone."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Otherwise it has been removed or renamed meanwhile, and perhaps made anew.
        if os.fstat(lock).st_ino == folder.stat().st_ino:
            return lock
    except (BlockingIOError, FileNotFoundError):
        pass
    os.close(lock)
    return None
