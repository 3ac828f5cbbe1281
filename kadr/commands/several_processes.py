"""Several processes of one HTTP server on one port: the kernel shares the connections out (SO_REUSEPORT).

In: how many, and what one of them does. Out: an exit code. When one ends by itself, the others are stopped and the
exit code is 1, so that whatever supervises this starts it anew.
"""

import ctypes
import os
import signal
import traceback
from collections.abc import Callable
from types import FrameType

_PR_SET_PDEATHSIG = 1


def run_several(count: int, one: Callable[[], int]) -> int:
    """Run `one` in `count` child processes until all have ended; SIGTERM and SIGINT are passed on to all of them.

    Forks, so it must be called before anything is opened. Returns 0 where all ended with 0, else 1.
    """
    parent, pids = os.getpid(), set[int]()
    stopping = False

    def stop(signum: int, _: FrameType | None) -> None:
        nonlocal stopping
        stopping = True
        _stop(pids)

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)
    for _ in range(count):
        pid = os.fork()
        if pid == 0:
            _become_child(parent, one)
        pids.add(pid)
    if stopping:  # a signal came while some were not started yet
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
        os.kill(pid, signal.SIGTERM)  # not reaped yet, so the pid is still its


def _become_child(parent: int, one: Callable[[], int]) -> None:
    code = 1
    try:
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, signal.SIG_DFL)
        # A parent that is killed ends its children too: nobody else would stop them.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() == parent:
            code = one()
    except BaseException:  # noqa: BLE001 - the fork must not go on as the parent; it prints the error and ends with 1
        traceback.print_exc()
    finally:
        os._exit(code)
