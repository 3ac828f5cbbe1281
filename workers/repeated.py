"""Work that is repeated in the background for as long as a program runs."""

from collections.abc import Awaitable, Callable

from core.concurrency import repeat_every
from core.db import postgres
from core.errors import Transient
from core.telemetry.logs import Log


async def repeated(log: Log, name: str, every_s: float, work: Callable[[], Awaitable[object]]) -> None:
    """Run `work` every so many seconds until cancelled. What fails is logged, as a warning where a service is away."""

    def on_error(exc: Exception) -> None:
        if isinstance(exc, (*postgres.UNAVAILABLE, Transient)):
            log.warning(f"{name}.failed", error=repr(exc))
        else:
            log.error(f"{name}.failed", exc)

    await repeat_every(every_s, work, on_error)
