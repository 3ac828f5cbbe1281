"""Read your writes: up to which place of the primary's log an owner's reads must see, after the owner has written.

In: an owner whose request has committed. Out: that place, for KEPT_S, to every process by way of Redis. Where Redis
does not answer, the owner reads from the primary. A standby that lags KEPT_S is long out of use
(core.db.replica.MOST_LAG_S), so that nothing need be remembered for longer.
"""

import math
import time
from typing import Any

import asyncpg
from redis.asyncio import Redis

from core.db import postgres
from core.db.replica import Replica
from core.model import OwnerId
from core.redis_client import REDIS_UNAVAILABLE
from core.telemetry.logs import Log

_LOG = Log("replica")
KEPT_S = 30
MOST_OWNERS = 10_000
_MEMBER = "position"


class Written:
    """Places of the log by owner: this process's own, and those of the others."""

    def __init__(self, replica: Replica, redis: Redis) -> None:
        self._replica = replica
        self._redis = redis
        self._own: dict[OwnerId, tuple[float, float]] = {}  # place, and until when it counts

    async def note(self, owner: OwnerId) -> None:
        """The owner has written, or was told of what a worker has written. To be called after the commit."""
        try:
            position = float(await self._replica.position())
        except (asyncpg.PostgresError, *postgres.UNAVAILABLE):  # a primary that has become a standby, too
            position = math.inf  # the primary, then, until it is forgotten
        now = time.monotonic()
        if len(self._own) >= MOST_OWNERS:
            self._own = {one: kept for one, kept in self._own.items() if kept[1] > now}
        self._own[owner] = (max(position, self._of_this_process(owner)), now + KEPT_S)
        try:
            async with self._redis.pipeline(transaction=True) as pipeline:
                # A place of the log is below 2^53 for the first eight petabytes.
                pipeline.zadd(_key(owner), {_MEMBER: position}, gt=True)
                pipeline.expire(_key(owner), KEPT_S)
                await pipeline.execute()
        except REDIS_UNAVAILABLE as exc:
            _LOG.warning("written.not_shared", error=repr(exc))

    async def position_of(self, owner: OwnerId) -> float:
        """What reads of this owner must include: 0 where the owner has not written lately."""
        try:
            shared: Any = await self._redis.zscore(_key(owner), _MEMBER)
        except REDIS_UNAVAILABLE:
            return math.inf
        return max(float(shared or 0), self._of_this_process(owner))

    def _of_this_process(self, owner: OwnerId) -> float:
        position, until = self._own.get(owner, (0.0, 0.0))
        return position if time.monotonic() < until else 0.0


def _key(owner: OwnerId) -> str:
    return f"kadr:written:{owner}"
