"""How many sessions one viewer has at once, counted in Redis. Without Redis nobody is refused.

A session counts until its title could have ended, or until the viewer leaves; starting it again prolongs that.
"""

from typing import Any

from redis.asyncio import Redis

from core.redis_client import REDIS_UNAVAILABLE
from core.telemetry.logs import Log

_LOG = Log("origin")
# One sorted set for each viewer: session -> Unix seconds until which it counts. Returns 1 if the session may run.
_ACQUIRE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if not redis.call('ZSCORE', KEYS[1], ARGV[2]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then
  return 0
end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
redis.call('EXPIREAT', KEYS[1], math.ceil(tonumber(redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])))
return 1
"""


async def acquire(redis: Redis, viewer: str, session: str, *, limit: int, now: float, until: float) -> bool:
    """Count a session until `until`. False where `limit` other sessions of this viewer run. Times in Unix seconds."""
    try:
        reply: Any = redis.eval(_ACQUIRE, 1, f"kadr:seats:{viewer}", str(now), session, str(until), str(limit))
        return bool(await reply)
    except REDIS_UNAVAILABLE as exc:
        _LOG.warning("concurrent_streams.not_counted", error=repr(exc))
        return True


async def release(redis: Redis, viewer: str, session: str) -> None:
    """Stop counting a session."""
    try:
        await redis.zrem(f"kadr:seats:{viewer}", session)
    except REDIS_UNAVAILABLE as exc:
        _LOG.warning("concurrent_streams.not_released", error=repr(exc))
