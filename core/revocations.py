"""What may not be watched any more although a token says so: a session, a viewer, a playback id, an asset.

PostgreSQL keeps them; Redis carries them to every origin within a second. An origin that reaches neither goes on with
what it knew last.
"""

from datetime import datetime

from redis.asyncio import Redis

from core import sql
from core.db import Connection, Pool
from core.live import REDIS_UNAVAILABLE
from core.logs import Log
from core.model import AssetId, OwnerId, PlaybackId

_SQL = sql.load("revocations")
_LOG = Log("revocations")
_SET = "kadr:revoked"  # sorted by end, Unix seconds


def session(playback_id: PlaybackId, ident: str) -> str:
    """The subject of one session. The playback id is in it: a session is its owner's to revoke, nobody else's."""
    return f"session:{playback_id}:{ident}"


def viewer(owner_id: OwnerId, ident: str) -> str:
    return f"viewer:{owner_id}:{ident}"


def playback(playback_id: PlaybackId) -> str:
    return f"playback:{playback_id}"


def asset(asset_id: AssetId) -> str:
    return f"asset:{asset_id}"


async def insert(connection: Connection, subject: str, until: datetime) -> None:
    await connection.execute(_SQL["insert"], subject, until)


async def remove(connection: Connection, subject: str) -> None:
    await connection.execute(_SQL["remove"], subject)


async def current(pool: Pool) -> dict[str, float]:
    """Subject -> end, Unix seconds, as PostgreSQL has them."""
    return {row["subject"]: row["until"].timestamp() for row in await pool.fetch(_SQL["current"])}


async def forget(connection: Connection) -> None:
    await connection.execute(_SQL["forget"])


async def announce(redis: Redis, subject: str, until: float, now: float) -> None:
    """Tell every origin now rather than at its next look into PostgreSQL. Where Redis is gone they find out there."""
    try:
        await redis.zadd(_SET, {subject: until}, gt=True)
        await redis.zremrangebyscore(_SET, "-inf", now)
    except REDIS_UNAVAILABLE as exc:
        _LOG.warning("revocation.not_announced", subject=subject, error=repr(exc))


async def withdraw(redis: Redis, subject: str) -> None:
    """It holds no longer."""
    try:
        await redis.zrem(_SET, subject)
    except REDIS_UNAVAILABLE as exc:
        _LOG.warning("revocation.not_withdrawn", subject=subject, error=repr(exc))


async def announced(redis: Redis, now: float) -> dict[str, float]:
    """What Redis has. Raises one of core.live.REDIS_UNAVAILABLE."""
    found = await redis.zrangebyscore(_SET, f"({now}", "+inf", withscores=True)
    return {subject.decode(): float(until) for subject, until in found}
