"""Run a program that dies with its parent: `python -I -S tether.py SIGNAL PARENT_PID PROGRAM ARGS...`.

In: the signal to get when the parent dies. Out: PROGRAM, in this process's place. It does what `setpriv --pdeathsig`
does, which not every machine has, and closes the gap in which the parent is gone before the tether is tied.

Runs alone (`-I` leaves it no import path), so it imports the standard library only.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tethered(argv: tuple[str, ...], death_signal: signal.Signals) -> tuple[str, ...]:
    """`argv`, tied to the calling process. The tether breaks when the calling *thread* ends: call from the main one."""
    return (sys.executable, "-I", "-S", __file__, str(int(death_signal)), str(os.getpid()), *argv)


def main() -> None:
    death_signal, parent, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent is gone already")
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - becoming the program is the point
    except OSError as exc:
        print(f"{argv[0]}: {exc.strerror}", file=sys.stderr)
        sys.exit(127)


if __name__ == "__main__":
    main()
