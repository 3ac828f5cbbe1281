"""Run a program that dies with its parent: `python -I -S tether.py SIGNAL PARENT_PID PROGRAM ARGS...`.

In: the signal to receive when the parent dies. Out: PROGRAM, which replaces this process. It does the work of `setpriv
--pdeathsig`, which not every machine has, and also handles a parent that has died before the signal was set up.

It runs in isolated mode (`-I`), so it imports the standard library only.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def tethered(argv: tuple[str, ...], death_signal: signal.Signals) -> tuple[str, ...]:
    """The command line that runs `argv` and kills it when the caller dies.

    "The caller" is the calling *thread*, as the kernel sees it: start the program from the main thread.
    """
    return (sys.executable, "-I", "-S", __file__, str(int(death_signal)), str(os.getpid()), *argv)


def main() -> None:
    """Set the death signal, then replace this process by PROGRAM. Exits with 1, or with 127 when it cannot be run."""
    death_signal, parent, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0:
        sys.exit(f"prctl(PR_SET_PDEATHSIG): {os.strerror(ctypes.get_errno())}")
    if os.getppid() != parent:
        sys.exit("the parent has already ended")
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - becoming the program is the point
    except OSError as exc:
        sys.stderr.write(f"{argv[0]}: {exc.strerror}\n")
        sys.exit(127)


if __name__ == "__main__":
    main()
