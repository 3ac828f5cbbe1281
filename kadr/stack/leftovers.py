"""Find and kill processes that a crashed run left behind, in a home that this process has locked.

Only two kinds of process are killed: those with the mark of this home in their environment, and a server's program
whose working directory is that server's own folder; never a shell that happens to be in it.
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
    """Ids of processes of `program` whose working directory is `folder`.

    PostgreSQL and Redis overwrite their environment with a process title, so the mark cannot be read there.
    """
    pids = []
    for pid, proc in _processes():
        with suppress(OSError):
            if (proc / "cwd").readlink() == folder:
                name = (proc / "exe").readlink().name.removesuffix(" (deleted)")
                if name == program:
                    pids.append(pid)
    return pids


def marked(home: Path) -> list[int]:
    """Ids of processes that were started for `home`, except this one."""
    mark = f"{MARK}={home}".encode()
    pids = []
    for pid, proc in _processes():
        with suppress(OSError):
            if mark in (proc / "environ").read_bytes().split(b"\0"):
                pids.append(pid)
    return pids


def own_children() -> list[int]:
    """Ids of the children of this process, which as a subreaper also adopts every orphan below it."""
    me = os.getpid()
    pids = []
    for pid, proc in _processes():
        with suppress(OSError):
            # "pid (name) state ppid ...": the name may contain anything, even parentheses.
            state, ppid = (proc / "stat").read_text(errors="replace").rpartition(")")[2].split()[:2]
            if int(ppid) == me and state != "Z":
                pids.append(pid)
    return pids


async def end(find: Callable[[], list[int]], grace_s: float = 0.0, timeout_s: float = 10.0) -> int:
    """Kill the processes that `find` returns until it returns none; those that exit within `grace_s` are left alone.

    Returns how many there were. Raises KadrError when some are still alive `timeout_s` after the grace period.
    """
    began = time.monotonic()
    ended: set[int] = set()
    while pids := find():
        elapsed = time.monotonic() - began
        if elapsed > grace_s + timeout_s:
            raise KadrError(f"processes {pids} of an earlier run cannot be killed; they may be waiting for a disk")
        if elapsed >= grace_s:
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        ended.update(pids)
        await asyncio.sleep(0.02)
    return len(ended)


def _processes() -> Iterator[tuple[int, Path]]:
    """(pid, its folder in /proc) of every process but this one."""
    me = os.getpid()
    for proc in Path("/proc").iterdir():
        if proc.name.isdigit() and int(proc.name) != me:
            yield int(proc.name), proc
