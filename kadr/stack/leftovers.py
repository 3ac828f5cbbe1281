"""Find and end what a crash left running, in a home that this process has locked.

In: a home or a server's folder. Out: nothing of it runs any more. Touches only processes that carry this home's mark
in their environment, or a server's program that stands in that server's own folder; never a shell that happens to be
there.
"""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from core.errors import KadrError

MARK = "KADR_UP_HOME"


def in_folder(folder: Path, program: str) -> list[int]:
    """Processes of `program` whose working directory is `folder`.

    PostgreSQL and Redis write their title over their environment, so the mark cannot be read there.
    """
    found = []
    for pid, proc in _processes():
        with suppress(OSError):
            if (proc / "cwd").readlink() == folder:
                name = (proc / "exe").readlink().name.removesuffix(" (deleted)")
                if name == program:
                    found.append(pid)
    return found


def marked(home: Path) -> list[int]:
    """Processes that were started for `home`, except this one."""
    mark = f"{MARK}={home}".encode()
    found = []
    for pid, proc in _processes():
        with suppress(OSError):
            if mark in (proc / "environ").read_bytes().split(b"\0"):
                found.append(pid)
    return found


def own_children() -> list[int]:
    """Direct children of this process, which as a subreaper inherits every orphan below it."""
    me = os.getpid()
    found = []
    for pid, proc in _processes():
        with suppress(OSError):
            # "pid (name) state ppid ...": the name may contain anything, also brackets.
            state, ppid = (proc / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(ppid) == me and state != "Z":
                found.append(pid)
    return found


async def end(find: Callable[[], list[int]], grace_s: float = 0.0, timeout_s: float = 10.0) -> int:
    """SIGKILL what `find` finds until it finds nothing; what ends by itself within `grace_s` may. Returns how many."""
    began = time.monotonic()
    ended: set[int] = set()
    while pids := find():
        elapsed = time.monotonic() - began
        if elapsed > grace_s + timeout_s:
            raise KadrError(f"processes {pids} of an earlier run do not die; they may wait for a disk")
        if elapsed >= grace_s:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        ended.update(pids)
        await asyncio.sleep(0.02)
    return len(ended)


def _processes() -> Iterator[tuple[int, Path]]:
    me = os.getpid()
    for proc in Path("/proc").iterdir():
        if proc.name.isdigit() and int(proc.name) != me:
            yield int(proc.name), proc
