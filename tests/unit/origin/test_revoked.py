"""When a revocation that was withdrawn stops: at the next look at Redis, not at the next at PostgreSQL."""

import time
from typing import Any, cast

from origin.playback.revoked import Revoked


class Redis:
    """Announces what `subjects` has."""

    def __init__(self) -> None:
        self.subjects: dict[str, float] = {}

    async def zrangebyscore(self, *_: object, **__: object) -> list[tuple[bytes, float]]:
        return [(subject.encode(), until) for subject, until in self.subjects.items()]


class Pool:
    """Stores what `subjects` has; `read` counts how often it was asked."""

    def __init__(self) -> None:
        self.subjects: list[Any] = []
        self.read = 0

    async def fetch(self, _: str) -> list[Any]:
        self.read += 1
        return self.subjects


class Until:
    """A timestamp of the database."""

    def timestamp(self) -> float:
        return time.time() + 1000


async def test_what_is_withdrawn_is_forgotten_at_the_next_look() -> None:
    redis, pool = Redis(), Pool()
    revoked = Revoked(cast(Any, pool), cast(Any, redis))
    redis.subjects = {"asset:as_1": time.time() + 1000}
    pool.subjects = [{"subject": "asset:as_1", "until": Until()}]
    await revoked.refresh()
    assert "asset:as_1" in revoked
    await revoked.refresh()
    assert pool.read == 1, "PostgreSQL is read every few seconds only"
    redis.subjects, pool.subjects = {}, []
    await revoked.refresh()
    assert pool.read == 2
    assert "asset:as_1" not in revoked


async def test_what_has_run_out_is_no_reason_to_read_again() -> None:
    redis, pool = Redis(), Pool()
    revoked = Revoked(cast(Any, pool), cast(Any, redis))
    redis.subjects = {"session:pb_1:a": time.time() - 1}
    await revoked.refresh()
    redis.subjects = {}
    await revoked.refresh()
    assert pool.read == 1
