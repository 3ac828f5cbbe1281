"""Runs commands and says what they took: wall seconds, CPU seconds and peak memory of everything they started.

CPU seconds are what the kernel counted for our children and theirs (getrusage): all of them were waited for. Memory is
looked at every 50 ms: the sum over the living processes of the tree, so pages they share count more than once, and a
peak shorter than that can be missed. Nothing else may start children meanwhile. Refuses a command that fails.
"""

import contextlib
import os
import resource
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from core.errors import KadrError

LOOK_EVERY_S = 0.05
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
TAIL_BYTES = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a row of commands took. The peak is of the most hungry moment of any of them."""

    wall_s: float
    cpu_s: float
    peak_rss_bytes: int


def run(
    commands: Sequence[Sequence[str]],
    folder: Path,
    *,
    limit_s: float,
    path_first: Path | None = None,
    more: Mapping[str, str] | None = None,
) -> tuple[Cost, str]:
    """Run one after the other in `folder`; the cost, and what the last one printed. Raises KadrError.

    `more`: environment variables beside our own.
    """
    environment = {**os.environ, **(more or {})}
    if path_first is not None:
        environment["PATH"] = f"{path_first}{os.pathsep}{environment['PATH']}"
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.monotonic()
    peak, printed = 0, ""
    for command in commands:
        used, printed = _run_one(command, folder, environment, limit_s)
        peak = max(peak, used)
    wall_s = time.monotonic() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(wall_s=wall_s, cpu_s=cpu_s, peak_rss_bytes=peak), printed


def _run_one(command: Sequence[str], folder: Path, environment: Mapping[str, str], limit_s: float) -> tuple[int, str]:
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        started = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=errors
        )
        ended = threading.Event()
        peaks = [0]
        watch = threading.Thread(target=_watch, args=(started.pid, ended, peaks), daemon=True)
        watch.start()
        try:
            code = started.wait(limit_s)
        finally:
            if started.poll() is None:  # out of time, or interrupted
                started.kill()
                started.wait()
            ended.set()
            watch.join()
        if code:
            raise KadrError(f"{' '.join(command)} ended with {code}:\n{_tail(errors)}{_tail(out)}")
        out.seek(0)
        return peaks[0], out.read().decode(errors="replace")


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - TAIL_BYTES))
    return file.read().decode(errors="replace")


def _watch(root: int, ended: threading.Event, peaks: list[int]) -> None:
    while not ended.wait(LOOK_EVERY_S):
        peaks[0] = max(peaks[0], _tree_rss_bytes(root))


def _tree_rss_bytes(root: int) -> int:
    """Resident bytes of the process and all below it. Not every kernel lists children, so parents are asked for."""
    below: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                # "pid (name) state ppid ...": the name may contain anything, also brackets.
                parent = int((folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            except OSError:  # it ended while we looked
                continue
            below.setdefault(parent, []).append(int(folder.name))
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        waiting += below.get(pid, [])
        with contextlib.suppress(OSError):
            total += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES
    return total
