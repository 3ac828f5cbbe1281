"""Named points where a test kills the process as if by a power cut. Off unless KADR_FAILPOINT names one."""

import os
import signal

from core.settings import Settings


def failpoint(settings: Settings, name: str) -> None:
    """Kill this process with SIGKILL where the settings name this point."""
    if settings.failpoint == name:
        os.kill(os.getpid(), signal.SIGKILL)
