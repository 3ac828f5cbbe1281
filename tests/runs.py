"""One run of pytest, whichever of its processes asks: its folder, locks in it, and what the processes note there.

The process that was started by hand (the controller under pytest-xdist) makes the folder; the workers find it by
an environment variable.
"""

import asyncio
import fcntl
import json
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

FOLDER = "TESTS_RUN_FOLDER"
CONTROLLER = "TESTS_RUN_CONTROLLER"
PATIENCE = "TESTS_PATIENCE"
MOST_PATIENCE = 10.0


def begin() -> None:
    """Make the folder of this run; processes started from here on find it."""
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="kadr-tests-")
    os.environ[CONTROLLER] = str(os.getpid())


def end(*, keep: bool) -> None:
    if not keep:
        shutil.rmtree(folder(), ignore_errors=True)
    for name in (FOLDER, CONTROLLER, PATIENCE):
        os.environ.pop(name, None)


def folder() -> Path:
    return Path(os.environ[FOLDER])


def controller_pid() -> int:
    """Of the process that ends last: what the whole run shares lives as long as it does."""
    return int(os.environ[CONTROLLER])


def be_patient(slowness: float) -> None:
    """Deadlines of the whole run grow with how slow the machine is; 1.0 is a normal day."""
    os.environ[PATIENCE] = str(min(max(1.0, slowness), MOST_PATIENCE))


def patience() -> float:
    """By what every deadline is multiplied: at least 1."""
    return float(os.environ.get(PATIENCE, "1"))


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Only one process of the run is in here at a time."""
    with (folder() / f"{name}.lock").open("w") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX)
        yield


@asynccontextmanager
async def locked_async(name: str) -> AsyncIterator[None]:
    """`locked` for coroutines: the loop goes on while another process is in there."""
    with (folder() / f"{name}.lock").open("w") as opened:
        while True:
            try:
                fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                await asyncio.sleep(0.05)
        yield


def note(name: str, **facts: Any) -> None:
    """Append one line for the end of the run; short lines of several processes do not mix."""
    with (folder() / f"{name}.jsonl").open("a") as opened:
        opened.write(json.dumps(facts) + "\n")


def noted(name: str) -> list[Any]:
    """All that was noted under this name, in order."""
    path = folder() / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
