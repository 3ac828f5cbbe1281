"""Several processes of one HTTP server on one port: the kernel distributes the connections (SO_REUSEPORT).

In: the number of processes and the function each runs. Out: an exit code. When one process ends by itself, the others
are stopped and the exit code is 1, so that a supervisor restarts all of them.
"""

import ctypes
import os
import signal
import traceback
from collections.abc import Callable
from types import FrameType

_PR_SET_PDEATHSIG = 1


def run_several(count: int, serve: Callable[[int], int]) -> int:
    """Run `serve` in `count` child processes until all have ended; SIGTERM and SIGINT stop all of them.

    Each call is given the number of its process, from 0. It forks, so call it before anything is opened.
    Returns 0 when all ended with exit code 0, else 1.
    """
    parent, pids = os.getpid(), set[int]()
    stopping = False

    def stop(signum: int, _: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        _stop(pids)

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)
    for number in range(count):
        pid = os.fork()
        if pid == 0:
            _become_child(parent, serve, number)
        pids.add(pid)
    if stopping:  # a signal arrived before all were started
        _stop(pids)
    codes = []
    while pids:
        pid, status = os.wait()
        pids.discard(pid)
        codes.append(os.waitstatus_to_exitcode(status))
        if not stopping:
            stopping = True
            codes.append(1)
            _stop(pids)
    return max(abs(code) for code in codes) and 1


def _stop(pids: set[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGTERM)  # not reaped yet, so the pid has not been reused


def _become_child(parent: int, serve: Callable[[int], int], number: int) -> None:
    code = 1
    try:
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, signal.SIG_DFL)
        # Children end with a parent that is killed: nothing else would stop them.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() == parent:
            code = serve(number)
    except BaseException:  # noqa: BLE001 - a fork must never return into the code of its parent
        traceback.print_exc()
    finally:
        os._exit(code)
