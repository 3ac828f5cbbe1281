"""ingest.studio.attempts: without Redis everybody may try to sign in."""

from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NoRedis

from ingest.studio import attempts


class Gone:
    """A Redis that does not answer."""

    def pipeline(self) -> "Gone":
        return self

    async def __aenter__(self) -> "Gone":
        return self

    async def __aexit__(self, *_: object) -> None:
        pass

    def incr(self, _: str) -> None:
        pass

    def expire(self, *_: Any) -> None:
        pass

    async def execute(self) -> None:
        raise NoRedis("gone")

    async def decr(self, _: str) -> None:
        raise NoRedis("gone")


async def test_without_redis_nothing_is_counted() -> None:
    redis = cast("Redis", Gone())
    counters = [await attempts.begin(redis, "192.0.2.1") for _ in range(attempts.MOST_FAILURES + 5)]
    assert ["192.0.2.1" in counter for counter in counters] == [True] * (attempts.MOST_FAILURES + 5)
    await attempts.succeeded(redis, counters[0])
