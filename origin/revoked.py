"""What is revoked, as this process knows it: in memory, so that a request costs a look into a dict.

Redis is read every second and PostgreSQL every PG_EVERY_S, or every second while Redis is gone; with both gone what was
known last still holds.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from redis.asyncio import Redis

from core import revocations
from core.db import Pool
from core.live import GONE
from core.logs import Log

_LOG = Log("origin")
EVERY_S = 1.0
PG_EVERY_S = 15.0
PG_TIMEOUT_S = 5.0


class Revoked:
    """Subjects of core.revocations that are revoked now."""

    def __init__(self, pool: Pool, redis: Redis) -> None:
        self._pool = pool
        self._redis = redis
        self._kept: dict[str, float] = {}
        self._announced: dict[str, float] = {}
        self._pg_due = 0.0
        self._gone: set[str] = set()

    def __contains__(self, subject: str) -> bool:
        until = max(self._kept.get(subject, 0.0), self._announced.get(subject, 0.0))
        return until > 0 and time.time() < until

    async def look(self) -> None:
        """Read what has changed. Never raises for a part that is gone."""
        try:
            self._announced = await revocations.announced(self._redis, time.time())
        except GONE as exc:
            self._tell("redis", exc)
            self._pg_due = 0.0
        else:
            self._gone.discard("redis")
        if time.monotonic() < self._pg_due:
            return
        self._pg_due = time.monotonic() + PG_EVERY_S
        try:
            async with asyncio.timeout(PG_TIMEOUT_S):
                self._kept = await revocations.current(self._pool)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as exc:
            self._tell("postgresql", exc)
        else:
            self._gone.discard("postgresql")

    def _tell(self, part: str, exc: BaseException) -> None:
        """Once for each time it goes."""
        if part not in self._gone:
            self._gone.add(part)
            _LOG.warning("revoked.not_read", part=part, error=repr(exc))

    @asynccontextmanager
    async def kept_fresh(self) -> AsyncIterator[None]:
        """Looks once before it begins, then every EVERY_S."""
        await self.look()

        async def go_on() -> None:
            while True:
                await asyncio.sleep(EVERY_S)
                await self.look()

        looking = asyncio.create_task(go_on())
        try:
            yield
        finally:
            # Until it is done: asyncio.wait_for, with which redis-py waits, can lose a cancellation before Python 3.12.
            while not looking.done():
                looking.cancel()
                await asyncio.wait({looking}, timeout=0.5)
