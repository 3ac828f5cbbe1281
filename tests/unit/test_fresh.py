"""Values that are read again: once for many, not too often, and not lost when a read fails."""

import asyncio

import pytest

from core.errors import Transient
from origin.fresh import Fresh


class Source:
    """Counts reads; fails while it is told to."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.gone = False
        self.slow = asyncio.Event()
        self.slow.set()

    async def read(self, key: str) -> str:
        self.reads.append(key)
        await self.slow.wait()
        if self.gone:
            raise Transient("away")
        return f"{key}{len(self.reads)}"


async def test_many_asking_at_once_are_one_read() -> None:
    source = Source()
    source.slow.clear()
    fresh = Fresh(source.read, fresh_s=60, kept=2)
    asking = [asyncio.create_task(fresh.get("a")) for _ in range(50)]
    await asyncio.sleep(0)
    asking[0].cancel()
    source.slow.set()
    assert await asyncio.gather(*asking[1:]) == ["a1"] * 49
    assert await fresh.get("a") == "a1"
    assert source.reads == ["a"]


async def test_old_values_are_read_again_and_the_oldest_keys_forgotten() -> None:
    source = Source()
    fresh = Fresh(source.read, fresh_s=0, kept=2)
    assert [await fresh.get("a"), await fresh.get("a")] == ["a1", "a2"]
    kept = Fresh(source.read, fresh_s=60, kept=2)
    for key in ("a", "b", "a", "c", "a", "b"):
        await kept.get(key)
    assert source.reads[2:] == ["a", "b", "c", "b"], "b was the one not asked for lately"


async def test_what_was_read_before_outlives_a_failure() -> None:
    source = Source()
    fresh = Fresh(source.read, fresh_s=0, kept=2)
    source.gone = True
    with pytest.raises(Transient):
        await fresh.get("a")
    source.gone = False
    assert await fresh.get("a") == "a2"
    source.gone = True
    assert [await fresh.get("a"), await fresh.get("a")] == ["a2", "a2"]
    source.gone = False
    assert await fresh.get("a") == "a5"
