"""How often an address may fail to sign in: MOST_FAILURES a minute, counted in Redis for all processes of the API.

Nobody guesses 256 random bits, at whatever rate; this keeps those who try from making work. Without Redis nothing is
counted.
"""

import time

from redis.asyncio import Redis

from core.redis_client import REDIS_UNAVAILABLE
from core.telemetry.logs import Log

_LOG = Log("studio")
MOST_FAILURES = 10
WINDOW_S = 60


class TooManyFailures(Exception):
    """The address has failed too often in this minute."""


async def begin(redis: Redis, address: str) -> str:
    """Count an attempt as failed, until `succeeded` is told of it by what this returns. Raises TooManyFailures."""
    counter = f"kadr:sign-ins:{address}:{int(time.time()) // WINDOW_S}"
    try:
        async with redis.pipeline() as pipe:
            pipe.incr(counter)
            pipe.expire(counter, 2 * WINDOW_S)
            count, _ = await pipe.execute()
    except REDIS_UNAVAILABLE as exc:
        _LOG.warning("sign_in.not_counted", error=repr(exc))
        return counter
    if count > MOST_FAILURES:
        raise TooManyFailures
    return counter


async def succeeded(redis: Redis, counter: str) -> None:
    """The attempt was none of those that fail."""
    try:
        await redis.decr(counter)
    except REDIS_UNAVAILABLE as exc:
        _LOG.warning("sign_in.not_counted", error=repr(exc))
