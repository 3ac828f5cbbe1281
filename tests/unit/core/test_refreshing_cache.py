"""Cached values: read once for many, refreshed by age, not lost when a read fails, and never more than the bound."""

import asyncio
import gc
from typing import Any

import pytest

from core.caching.lru import LruDict
from core.caching.refreshing_cache import LONGEST_STALE_RETRY_S, RETRY_S, CacheBusy, RefreshingCache
from core.errors import ObjectMissing, Transient


class Source:
    """Counts reads. Fails with `error` while one is set; reads wait while `gate` is cleared."""

    def __init__(self) -> None:
        self.reads: list[str] = []
        self.error: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = self.most_running = 0

    async def read(self, key: str) -> str:
        self.reads.append(key)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        number = len(self.reads)
        await self.gate.wait()
        self.running -= 1
        if self.error is not None:
            raise self.error
        return f"{key}{number}"


class Clock:
    """A time that the test moves on."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


async def running(source: Source, count: int) -> None:
    """Returns once `count` reads run."""
    async with asyncio.timeout(10):
        while source.running != count:
            await asyncio.sleep(0)


def cache_of(source: Source, clock: Clock | None = None, **options: Any) -> RefreshingCache[str, str]:
    return RefreshingCache(source.read, name="test", clock=clock or Clock(), **options)


async def test_many_callers_share_one_read_and_one_that_leaves_ends_nothing() -> None:
    source = Source()
    source.gate.clear()
    cache = cache_of(source)
    callers = [asyncio.create_task(cache.get("a")) for _ in range(50)]
    await asyncio.sleep(0)
    callers[0].cancel()
    source.gate.set()
    assert await asyncio.gather(*callers[1:]) == ["a1"] * 49
    assert callers[0].cancelled()
    assert await cache.get("a") == "a1"
    assert source.reads == ["a"]


async def test_a_read_that_all_callers_left_is_kept() -> None:
    source = Source()
    source.gate.clear()
    cache = cache_of(source)
    caller = asyncio.create_task(cache.get("a"))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    source.gate.set()
    assert await cache.get("a") == "a1"
    assert source.reads == ["a"]


async def test_values_are_read_again_from_the_refresh_age_on() -> None:
    source, clock = Source(), Clock()
    cache = cache_of(source, clock, refresh_s=60)
    assert await cache.get("a") == "a1"
    clock.now += 59.9
    assert await cache.get("a") == "a1"
    clock.now += 0.1
    assert await cache.get("a") == "a2"


async def test_what_is_forgotten_is_read_again_and_weighs_nothing() -> None:
    source = Source()
    cache = RefreshingCache(source.read, name="test", weigh=len, max_weight=6)
    assert [await cache.get(key) for key in ("a", "b", "c")] == ["a1", "b2", "c3"]
    cache.forget(lambda key: key in "ab")
    assert len(cache) == 1
    assert [await cache.get(key) for key in ("a", "c", "b")] == ["a4", "c3", "b5"]
    assert len(cache) == 3


async def test_the_least_recently_used_is_dropped_beyond_the_number_of_entries() -> None:
    source = Source()
    cache = cache_of(source, max_entries=2)
    for key in ("a", "b", "a", "c", "a", "b"):
        await cache.get(key)
    assert source.reads == ["a", "b", "c", "b"], "b was the one not used lately"
    assert len(cache) == 2


async def test_the_least_recently_used_is_dropped_beyond_the_weight() -> None:
    source = Source()
    cache = cache_of(source, weigh=len, max_weight=5)
    for key in ("a", "b", "a", "c", "a", "b"):
        await cache.get(key)
    assert source.reads == ["a", "b", "c", "b"]
    assert await cache.get("far too heavy") == "far too heavy5"
    assert len(cache) == 1, "one value may be heavier than the bound, alone"
    await cache.get("a")
    assert len(cache) == 1


async def test_a_refreshed_value_is_weighed_anew() -> None:
    source, clock = Source(), Clock()
    cache = cache_of(source, clock, weigh=len, max_weight=4, refresh_s=10)
    for _ in range(8):
        clock.now += 10
        await cache.get("a")
    await cache.get("b")
    assert len(cache) == 2
    assert source.reads == ["a"] * 8 + ["b"]


async def test_an_old_value_outlives_a_failed_refresh(caplog: pytest.LogCaptureFixture) -> None:
    source, clock = Source(), Clock()
    cache = cache_of(source, clock, refresh_s=1)
    await cache.get("a")
    source.error = Transient("away")
    for seconds in (1.0, 0.5, 0.5, 5.0):
        clock.now += seconds
        assert await cache.get("a") == "a1"
    assert source.reads == ["a"] * 4, "a failed refresh is tried again after the refresh age"
    assert [record.getMessage() for record in caplog.records] == ["cache.stale"], "logged once"
    source.error = None
    clock.now += 1.0
    assert await cache.get("a") == "a5"


async def test_a_failed_refresh_of_a_value_that_lasts_long_is_tried_again_sooner() -> None:
    source, clock = Source(), Clock()
    cache = cache_of(source, clock, refresh_s=3600)
    await cache.get("a")
    source.error = Transient("away")
    clock.now += 3600
    assert await cache.get("a") == "a1"
    source.error = None
    clock.now += LONGEST_STALE_RETRY_S
    assert await cache.get("a") == "a3"


async def test_a_failed_first_read_is_repeated_after_the_retry_time() -> None:
    source, clock = Source(), Clock()
    cache = cache_of(source, clock, refresh_s=3600)
    source.error = Transient("away")
    for _ in range(3):
        with pytest.raises(Transient, match="away"):
            await cache.get("a")
    assert source.reads == ["a"]
    source.error = None
    clock.now += RETRY_S
    assert await cache.get("a") == "a2"


async def test_a_final_error_drops_the_old_value() -> None:
    source, clock = Source(), Clock()
    cache = cache_of(source, clock, refresh_s=1, final_errors=(ObjectMissing,))
    await cache.get("a")
    clock.now += 1
    source.error = ObjectMissing()
    with pytest.raises(ObjectMissing):
        await cache.get("a")
    source.error = None
    clock.now += RETRY_S
    assert await cache.get("a") == "a3"


async def test_an_old_value_can_be_served_while_it_is_refreshed() -> None:
    source, clock = Source(), Clock()
    cache = cache_of(source, clock, refresh_s=1, serve_while_refreshing=True)
    await cache.get("a")
    clock.now += 1
    source.gate.clear()
    assert [await cache.get("a") for _ in range(3)] == ["a1"] * 3
    await asyncio.sleep(0)
    source.gate.set()
    async with asyncio.timeout(10):
        while (value := await cache.get("a")) == "a1":
            await asyncio.sleep(0)
    assert value == "a2"
    assert source.reads == ["a", "a"]


async def test_a_recheck_takes_the_place_of_the_read_where_there_is_a_value() -> None:
    source, clock = Source(), Clock()
    rechecked: list[tuple[str, str]] = []

    async def recheck(key: str, old: str) -> str:
        rechecked.append((key, old))
        return old

    cache = cache_of(source, clock, refresh_s=1, recheck=recheck)
    for _ in range(3):
        assert await cache.get("a") == "a1"
        clock.now += 1
    assert source.reads == ["a"]
    assert rechecked == [("a", "a1")] * 2


async def test_no_more_reads_run_or_wait_than_allowed() -> None:
    source = Source()
    source.gate.clear()
    cache = cache_of(source, concurrency=2, max_reads=4)
    callers = [asyncio.create_task(cache.get(key)) for key in "abcda"]
    await asyncio.sleep(0)
    with pytest.raises(CacheBusy):
        await cache.get("e")
    await running(source, 2)
    source.gate.set()
    assert {(await caller)[0] for caller in callers} == set("abcd")
    assert source.most_running == 2
    assert (await cache.get("e"))[0] == "e"


async def test_errors_nobody_waits_for_are_retrieved() -> None:
    """A refresh beside the callers fails: asyncio must not report its error as lost."""
    lost: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: lost.append(context))
    try:
        source, clock = Source(), Clock()
        cache = cache_of(source, clock, refresh_s=1, serve_while_refreshing=True)
        await cache.get("a")
        source.error = ValueError("not even an error of ours")
        clock.now += 1
        assert await cache.get("a") == "a1"
        async with asyncio.timeout(10):
            while len(source.reads) < 2 or source.running:
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        del cache
        gc.collect()
    finally:
        loop.set_exception_handler(before)
    assert lost == []


async def test_close_ends_the_reads_that_run() -> None:
    source = Source()
    source.gate.clear()
    cache = cache_of(source)
    caller = asyncio.create_task(cache.get("a"))
    await running(source, 1)
    await cache.close()
    with pytest.raises(asyncio.CancelledError):
        await caller
    source.gate.set()
    assert await cache.get("a") == "a2", "a cancelled read is not kept"


def test_lru_dict_drops_what_was_used_longest_ago() -> None:
    values: LruDict[str, int] = LruDict(2)
    values["a"], values["b"] = 1, 2
    assert values.get("a") == 1
    values["c"] = 3
    assert [values.get(key) for key in "abc"] == [1, None, 3]
    assert len(values) == 2
    values["a"] = 4
    assert values.get("a") == 4
