"""Named points at which a test makes a process die as if by power cut. Off unless KADR_FAILPOINT names one."""

import os
import signal

from core.settings import Settings


def failpoint(settings: Settings, name: str) -> None:
    """Die here by SIGKILL when the settings name this point."""
    if settings.failpoint == name:
        os.kill(os.getpid(), signal.SIGKILL)
