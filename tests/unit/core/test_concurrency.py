"""core.concurrency: results in order, errors as they were raised, and nothing left running."""

import asyncio

import pytest

from core.concurrency import (
    cancel_and_wait,
    gather_all,
    gather_bounded,
    in_background,
    repeat_every,
    run_to_end,
    within,
)
from core.errors import Transient


async def test_results_come_in_the_order_of_the_items_and_the_limit_holds() -> None:
    running = most = 0

    async def work(item: int) -> int:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(7 - item):
            await asyncio.sleep(0)
        running -= 1
        return item * item

    assert await gather_bounded(work, range(7), limit=3) == [0, 1, 4, 9, 16, 25, 36]
    assert most == 3


async def test_no_items_are_no_results() -> None:
    assert await gather_bounded(asyncio.sleep, [], limit=2) == []


async def test_the_first_error_comes_out_unwrapped_and_the_rest_is_ended() -> None:
    ended: list[int] = []
    started: list[int] = []

    async def work(item: int) -> None:
        started.append(item)
        try:
            if item == 1:
                raise Transient("storage is away")
            await asyncio.Event().wait()
        finally:
            ended.append(item)

    with pytest.raises(Transient, match="storage is away"):
        await gather_bounded(work, range(10), limit=2)
    assert started == [0, 1]
    assert sorted(ended) == [0, 1]


async def test_a_cancelled_gather_ends_what_it_started() -> None:
    ended = asyncio.Event()

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    gathering = asyncio.ensure_future(gather_all(waits()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    gathering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gathering
    assert ended.is_set()


async def test_a_lost_cancellation_is_sent_again() -> None:
    """As redis-py's wait_for may do it before Python 3.12."""
    lost = 0

    async def loses_one() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    task = asyncio.ensure_future(loses_one())
    await asyncio.sleep(0)
    await cancel_and_wait([task])
    assert lost == 1
    assert task.cancelled()


async def test_a_bad_round_does_not_end_the_loop() -> None:
    rounds: list[int] = []
    failures: list[Exception] = []
    third = asyncio.Event()

    async def work() -> None:
        rounds.append(len(rounds))
        if len(rounds) == 2:
            raise OSError("gone")
        if len(rounds) == 3:
            third.set()

    async with in_background(repeat_every(0, work, failures.append)):
        await asyncio.wait_for(third.wait(), 10)
    assert rounds[:3] == [0, 1, 2]
    assert [str(one) for one in failures] == ["gone"]


async def test_what_must_end_does_however_often_its_caller_is_cancelled() -> None:
    go_on, ended = asyncio.Event(), asyncio.Event()

    async def releases() -> None:
        await go_on.wait()
        ended.set()

    caller = asyncio.ensure_future(run_to_end(releases()))
    for _ in range(3):
        await asyncio.sleep(0)
        caller.cancel()
    await asyncio.sleep(0)
    assert not caller.done()
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert ended.is_set()
    assert await run_to_end(asyncio.sleep(0, result=7)) == 7


async def test_work_that_cancels_itself_keeps_no_slot() -> None:
    started: list[int] = []
    second = asyncio.Event()

    async def work(item: int) -> None:
        started.append(item)
        if item == 0:
            raise asyncio.CancelledError
        second.set()
        await asyncio.Event().wait()

    gathering = asyncio.ensure_future(gather_bounded(work, range(3), limit=1))
    await asyncio.wait_for(second.wait(), 10)
    assert started == [0, 1]
    await cancel_and_wait([gathering])


async def test_nobody_waits_for_what_is_slow_to_be_cancelled() -> None:
    cancelled, ended = asyncio.Event(), asyncio.Event()

    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()
            await ended.wait()
            raise ValueError("too late to matter")

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(within(0.01, slow()), 30)
    await asyncio.wait_for(cancelled.wait(), 30)
    ended.set()


async def test_what_is_in_time_gives_its_result_or_its_error() -> None:
    async def good() -> int:
        return 7

    async def bad() -> int:
        raise ValueError("bad")

    assert await within(30, good()) == 7
    with pytest.raises(ValueError, match="bad"):
        await within(30, bad())
