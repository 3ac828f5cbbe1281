"""Start programs and reap them and their orphans: this process is the subreaper of the stack.

In: argv, environment, folder, log. Out: `Program` with its pid and a future of its exit code (negative: a signal).
While a `Reaper` is open it takes the exit status of *every* child of this process, so nothing else may start one.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from core.tether import tethered

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A running program; `exited` is set to its exit code once it has been reaped."""

    pid: int
    exited: asyncio.Future[int]

    @property
    def alive(self) -> bool:
        return not self.exited.done()

    def send(self, signum: signal.Signals) -> None:
        """Send a signal; does nothing once the program has ended."""
        # The pid cannot be reused before the program is reaped, and only this thread reaps.
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signum)


class Reaper:
    """Starts and reaps programs inside its `with` block. Main thread only, in a running event loop."""

    def __init__(self) -> None:
        self._running: dict[int, tuple[subprocess.Popen[bytes], asyncio.Future[int]]] = {}
        self._loop = asyncio.get_running_loop()

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("the stack runs on the main thread: children die with the thread that started them")
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._loop.add_signal_handler(signal.SIGCHLD, self._reap)
        return self

    def __exit__(self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None) -> None:
        self._loop.remove_signal_handler(signal.SIGCHLD)
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    def start(
        self,
        argv: tuple[str, ...],
        *,
        env: Mapping[str, str],
        cwd: Path | None,
        log_fd: int,
        death_signal: signal.Signals = signal.SIGKILL,
        prefix: tuple[str, ...] = (),
    ) -> Program:
        """Start `argv`, tied to this process by `tether`; `prefix` (a user namespace) is put before both.

        The order matters: a change of credentials would undo the tether.
        """
        popen = subprocess.Popen(
            (*prefix, *tethered(argv, death_signal)),
            env=dict(env),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=log_fd,
            stderr=log_fd,
            # Ctrl-C in a terminal reaches only the parent, which then stops the children in order.
            start_new_session=True,
        )
        program = Program(pid=popen.pid, exited=self._loop.create_future())
        self._running[popen.pid] = (popen, program.exited)
        return program

    def _reap(self) -> None:
        # One SIGCHLD may stand for many children.
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid in self._running:
                popen, exited = self._running.pop(pid)
                popen.returncode = os.waitstatus_to_exitcode(status)
                if not exited.done():
                    exited.set_result(popen.returncode)
