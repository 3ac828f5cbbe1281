"""A `kadr up` of the benchmark's own, in a new home with default settings, and the CPU time all of it has used.

In: how many workers. Out: `Stack`, running and idle. Stops it and removes the home at the end, whatever happened. Where
this process is killed the stack stops by itself, and its home in the temporary folder is what is left.
"""

import asyncio
import json
import os
import random
import shutil
import signal
import socket
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from benchmarks.harness.client import Api
from core.errors import KadrError
from core.tether import tethered

START_S = 90.0
STOP_S = 60.0
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A running stack: its API and the process every other one of it descends from."""

    api: Api
    home: Path
    pid: int
    worker_pids: tuple[int, ...]
    database_url: SecretStr
    origin_url: str
    origin_metrics_url: str

    def cpu_s(self) -> float:
        """CPU seconds of the whole stack since it started: see `tree_cpu_s`."""
        return tree_cpu_s(self.pid)


@asynccontextmanager
async def running(
    workers: int, settings: Mapping[str, str] | None = None, tree: Path | None = None
) -> AsyncIterator[Stack]:
    """Start with this many workers and these settings; `tree`: of the commit that is checked out there.

    KADR_* of the caller's environment go through, so a setting can be tried out."""
    folder = Path(tempfile.mkdtemp(prefix="kadr-bench-"))
    home, log = folder / "home", folder / "up.log"
    command = (sys.executable, "-m", "kadr", "up", "--home", str(home), "--port", str(two_free_ports()))
    # Speech is measured where it is asked for: otherwise no model is fetched, and nothing is transcribed.
    quiet = {"KADR_WHISPER_MODEL": "none", "KADR_SUBTITLES": "none"}
    environment = {**quiet, **os.environ, "KADR_UP_WORKERS": str(workers), **(settings or {})}
    if tree is not None:
        environment["PYTHONPATH"] = str(tree)
    try:
        with log.open("wb") as out:
            up = await asyncio.create_subprocess_exec(
                *tethered(command, signal.SIGTERM),
                env=environment,
                cwd=tree,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        try:
            await _until_ready(up, home / "endpoints.json", log)
            endpoints = json.loads((home / "endpoints.json").read_text())
            yield Stack(
                api=Api.of_home(home),
                home=home,
                pid=up.pid,
                worker_pids=tuple(endpoints["worker_pids"]),
                database_url=SecretStr(endpoints["database_url"]),
                origin_url=endpoints["origin"],
                origin_metrics_url=endpoints["metrics"]["origin"],
            )
        finally:
            await _stop(up)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _until_ready(up: asyncio.subprocess.Process, endpoints: Path, log: Path) -> None:
    deadline = time.monotonic() + START_S
    while not _written_by(up.pid, endpoints):
        if up.returncode is not None or time.monotonic() > deadline:
            output = await asyncio.to_thread(log.read_text, errors="replace")
            raise KadrError(f"kadr up did not get ready:\n{output[-2000:]}")
        await asyncio.sleep(0.05)


def _written_by(pid: int, endpoints: Path) -> bool:
    return endpoints.exists() and json.loads(endpoints.read_text())["pid"] == pid


async def _stop(up: asyncio.subprocess.Process) -> None:
    if up.returncode is None:
        up.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(up.wait(), STOP_S)
        except TimeoutError:
            up.kill()
            await up.wait()


def two_free_ports() -> int:
    """The first of two free neighbours: the API's and the origin's.

    Below the ports that Linux gives to connections (32768 on): one of those could be taken before it is listened on.
    """
    while True:
        port = random.randrange(12_000, 32_000, 2)
        with socket.socket() as one, socket.socket() as two:
            try:
                one.bind(("127.0.0.1", port))
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


def tree_cpu_s(root: int) -> float:
    """CPU seconds of a process and everything that ever ran below it, as far as it was waited for.

    utime + stime + cutime + cstime of /proc/PID/stat (proc(5)), summed over the living descendants. A child's time
    moves into its parent's cutime and cstime when it is reaped, so nothing is counted twice and nothing is lost:
    `kadr up` is the subreaper of its tree, and every program in it, ffmpeg and its threads included, is waited for.
    Read while the stack is idle: a process that ends between two reads of one sum could be missed. A tick is 10 ms.
    """
    parents: dict[int, int] = {}
    ticks: dict[int, int] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                # "pid (name) state ppid ...": the name may contain anything, also brackets.
                fields = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(folder.name)] = int(fields[1])
            ticks[int(folder.name)] = sum(map(int, fields[11:15]))
    return sum(used for pid, used in ticks.items() if _is_below(pid, root, parents)) / TICKS_PER_S


def _is_below(pid: int, root: int, parents: dict[int, int]) -> bool:
    while pid and pid != root:
        pid = parents.get(pid, 0)
    return pid == root
