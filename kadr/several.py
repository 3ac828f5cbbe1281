"""Several processes of one door on one port: the kernel shares the connections out (SO_REUSEPORT).

In: how many, and what one of them does. Out: an exit code. They live and die together: when one ends by itself, the
others are stopped and the whole ends with 1, so that whatever supervises this starts it anew.
"""

import ctypes
import os
import signal
import traceback
from collections.abc import Callable
from types import FrameType

_PR_SET_PDEATHSIG = 1


def run_several(count: int, one: Callable[[], int]) -> int:
    """Forks before anything is opened; SIGTERM and SIGINT go to all."""
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
    if stopping:  # asked to while some were not there yet
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
        # A parent that is killed takes them along: nobody else would stop them.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() == parent:
            code = one()
    except BaseException:  # noqa: BLE001 - the fork must not go on as the parent; it is told and ends with 1
        traceback.print_exc()
    finally:
        os._exit(code)
