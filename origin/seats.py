"""How many sessions of one viewer run at once. Counted in Redis; where Redis is gone nobody is sent away for it.

A session holds its seat until its title could have ended; starting it again, or asking where to steer, keeps it.
"""

from typing import Any

from redis.asyncio import Redis

from core.live import GONE
from core.logs import Log

_LOG = Log("origin")
# One sorted set for each viewer: session -> when its seat is free again. Whether the session has one, after the call.
_TAKE = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if not redis.call('ZSCORE', KEYS[1], ARGV[2]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then
  return 0
end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[2])
redis.call('EXPIREAT', KEYS[1], math.ceil(tonumber(redis.call('ZRANGE', KEYS[1], -1, -1, 'WITHSCORES')[2])))
return 1
"""


async def take(redis: Redis, viewer: str, session: str, *, limit: int, now: float, until: float) -> bool:
    """False where `limit` other sessions of this viewer are running."""
    try:
        taken: Any = redis.eval(_TAKE, 1, f"kadr:seats:{viewer}", str(now), session, str(until), str(limit))
        return bool(await taken)
    except GONE as exc:
        _LOG.warning("seats.not_counted", error=repr(exc))
        return True


async def leave(redis: Redis, viewer: str, session: str) -> None:
    """The seat is free at once."""
    try:
        await redis.zrem(f"kadr:seats:{viewer}", session)
    except GONE as exc:
        _LOG.warning("seats.not_left", error=repr(exc))
