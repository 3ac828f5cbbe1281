"""Revocations: sessions, viewers, playback ids and assets that may not be watched despite a valid token.

PostgreSQL stores them; Redis carries them to every origin within a second. An origin that reaches neither uses what it
read last.
"""

from datetime import datetime

from redis.asyncio import Redis

from core.db import sql
from core.db.postgres import Connection, Pool
from core.model import AssetId, OwnerId, PlaybackId
from core.redis_client import REDIS_UNAVAILABLE
from core.telemetry.logs import Log

_SQL = sql.load("revocations")
_LOG = Log("revocations")
_SET = "kadr:revoked"  # sorted by end, Unix seconds


def session(playback_id: PlaybackId, ident: str) -> str:
    """Subject of one session. It contains the playback id, so that only the owner can revoke the session."""
    return f"session:{playback_id}:{ident}"


def viewer(owner_id: OwnerId, ident: str) -> str:
    """The subject that revokes all tokens of one viewer of an owner."""
    return f"viewer:{owner_id}:{ident}"


def playback(playback_id: PlaybackId) -> str:
    """The subject that revokes all tokens of one playback id."""
    return f"playback:{playback_id}"


def asset(asset_id: AssetId) -> str:
    """The subject that revokes all playback of one asset."""
    return f"asset:{asset_id}"


def asset_of(subject: str) -> AssetId | None:
    """The asset that a subject stands for; None for any other."""
    kind, _, ident = subject.partition(":")
    return AssetId(ident) if kind == "asset" else None


async def insert(connection: Connection, subject: str, until: datetime) -> None:
    """Record that a subject is revoked until a time."""
    await connection.execute(_SQL["insert"], subject, until)


async def remove(connection: Connection, subject: str) -> None:
    """Remove the revocation of a subject from PostgreSQL."""
    await connection.execute(_SQL["remove"], subject)


async def current(pool: Pool) -> dict[str, float]:
    """Revoked subjects in PostgreSQL with their end in Unix seconds."""
    return {row["subject"]: row["until"].timestamp() for row in await pool.fetch(_SQL["current"])}


async def forget(connection: Connection) -> None:
    """Delete the revocations that have expired."""
    await connection.execute(_SQL["forget"])


async def announce(redis: Redis, subject: str, until: float, now: float) -> None:
    """Publish a revocation in Redis. Without Redis the origins find it in PostgreSQL, at their next refresh."""
    try:
        await redis.zadd(_SET, {subject: until}, gt=True)
        await redis.zremrangebyscore(_SET, "-inf", now)
    except REDIS_UNAVAILABLE as exc:
        _LOG.warning("revocation.not_announced", subject=subject, error=repr(exc))


async def withdraw(redis: Redis, subject: str) -> None:
    """Remove the revocation from Redis."""
    try:
        await redis.zrem(_SET, subject)
    except REDIS_UNAVAILABLE as exc:
        _LOG.warning("revocation.not_withdrawn", subject=subject, error=repr(exc))


async def announced(redis: Redis, now: float) -> dict[str, float]:
    """Revoked subjects in Redis with their end in Unix seconds. Raises one of core.redis_client.REDIS_UNAVAILABLE."""
    entries = await redis.zrangebyscore(_SET, f"({now}", "+inf", withscores=True)
    return {subject.decode(): float(until) for subject, until in entries}
