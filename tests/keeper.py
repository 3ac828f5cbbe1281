"""Holds the stack that a whole run shares: `python -m tests.keeper RUN_FOLDER CONTROLLER_PID PORT`.

It starts `kadr up` and stops it when told to (SIGTERM), when it ends by itself, or when the controller is gone in
whatever way. Out: `keeper.pid`, and at the end `exit_code`, in the run's folder.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

from core.tether import tethered
from tests.stack import up_argv, up_env

STOP_S = 60.0


def main() -> None:
    folder, controller, port = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    stop_read, stop_write = os.pipe()
    signal.signal(signal.SIGTERM, lambda *_: os.write(stop_write, b"x"))
    home = folder / "home"
    with (folder / "home.log").open("ab") as log:
        up = subprocess.Popen(
            tethered(up_argv(home, port), signal.SIGTERM),
            env=up_env(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    (folder / "up.pid").write_text(str(up.pid))
    watched = select.poll()
    watched.register(stop_read, select.POLLIN)
    for pid in (up.pid, controller):
        with contextlib.suppress(ProcessLookupError):
            watched.register(os.pidfd_open(pid), select.POLLIN)
    watched.poll()
    if up.poll() is None:
        up.terminate()
    try:
        code = up.wait(STOP_S)
    except subprocess.TimeoutExpired:
        up.kill()
        code = up.wait()
    with contextlib.suppress(FileNotFoundError):  # a run that was killed has nobody left to read it
        (folder / "exit_code.part").write_text(str(code))
        (folder / "exit_code.part").rename(folder / "exit_code")


if __name__ == "__main__":
    main()
