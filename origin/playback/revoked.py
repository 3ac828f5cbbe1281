"""The revocations that are in force, held in memory, so that a request costs a dict lookup.

Redis is read every second and PostgreSQL every PG_EVERY_S, also at once where Redis no longer has what it had, and
every second while Redis does not answer. While neither answers, the last known revocations stay in force.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
from redis.asyncio import Redis

from core.concurrency import in_background, repeat_every
from core.db import revocations
from core.db.postgres import Pool
from core.model import AssetId
from core.redis_client import REDIS_UNAVAILABLE
from core.telemetry.logs import Log

_LOG = Log("origin")
EVERY_S = 1.0
PG_EVERY_S = 15.0
PG_TIMEOUT_S = 5.0


class Revoked:
    """The set of subjects, as core.db.revocations names them, that are revoked now."""

    def __init__(self, pool: Pool, redis: Redis) -> None:
        self._pool = pool
        self._redis = redis
        self._stored: dict[str, float] = {}
        self._announced: dict[str, float] = {}
        self._pg_due = 0.0
        self._failing: set[str] = set()

    def __contains__(self, subject: str) -> bool:
        until = max(self._stored.get(subject, 0.0), self._announced.get(subject, 0.0))
        return until > 0 and time.time() < until

    def assets(self) -> set[AssetId]:
        """The assets that were deleted or taken down."""
        subjects = {*self._stored, *self._announced}
        return {found for subject in subjects if (found := revocations.asset_of(subject)) and subject in self}

    async def refresh(self) -> None:
        """Read the current revocations. Never raises where Redis or PostgreSQL does not answer."""
        before = self._announced
        try:
            self._announced = await revocations.announced(self._redis, time.time())
        except REDIS_UNAVAILABLE as exc:
            self._log_failure("redis", exc)
            self._pg_due = 0.0
        else:
            self._failing.discard("redis")
            if any(subject not in self._announced and time.time() < until for subject, until in before.items()):
                self._pg_due = 0.0  # withdrawn: what PostgreSQL said before may have it still
        if time.monotonic() < self._pg_due:
            return
        self._pg_due = time.monotonic() + PG_EVERY_S
        try:
            async with asyncio.timeout(PG_TIMEOUT_S):
                self._stored = await revocations.current(self._pool)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as exc:
            self._log_failure("postgresql", exc)
        else:
            self._failing.discard("postgresql")

    def _log_failure(self, part: str, exc: BaseException) -> None:
        """Logged once per outage of a part."""
        if part not in self._failing:
            self._failing.add(part)
            _LOG.warning("revocations.not_read", part=part, error=repr(exc))

    @asynccontextmanager
    async def refreshing(self) -> AsyncIterator[None]:
        """Reads once before the body begins, then every EVERY_S."""
        await self.refresh()
        async with in_background(repeat_every(EVERY_S, self.refresh, _refresh_failed)):
            yield


def _refresh_failed(exc: Exception) -> None:
    _LOG.error("revocations.refresh_failed", exc)
