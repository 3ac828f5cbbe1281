"""A folder per worker for its steps, removed with the worker; what dead workers left is removed by the next one.

A worker is alive while it holds the lock of its folder, which no program it starts inherits.
"""

import fcntl
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def worker_folder(base: Path) -> Iterator[Path]:
    """A new folder below `base` that is this worker's alone, removed at the end; those of dead workers go first."""
    base.mkdir(parents=True, exist_ok=True)
    for old in base.glob("*.lock"):
        _remove_dead(old)
    folder = base / uuid.uuid4().hex
    # Locked under a name nobody looks at, then renamed: no other worker can take it for a dead one in between.
    unlisted = folder.with_suffix(".new")
    lock = folder.with_suffix(".lock")
    with unlisted.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        unlisted.rename(lock)
        folder.mkdir(mode=0o700)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _remove_dead(lock: Path) -> None:
    try:
        with lock.open("r+") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
            lock.unlink(missing_ok=True)
    except (FileNotFoundError, BlockingIOError):
        return  # another worker was quicker, or it is alive


@contextmanager
def step_folder(worker: Path, step_id: str) -> Iterator[Path]:
    """A private empty folder for one attempt at a step; its name is new each time, so a zombie cannot meet its heir."""
    folder = worker / f"{step_id}-{os.urandom(4).hex()}"
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
