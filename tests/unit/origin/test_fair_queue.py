"""origin.images.fair_queue: turns go round titles and addresses, and a crowd refuses itself, not others."""

import asyncio

import pytest

from core.caching.refreshing_cache import CacheBusy
from origin.images.fair_queue import FairQueue


class Crowd:
    """Requests that hold their turn until they are let go, in the order in which they got it."""

    def __init__(self, **limits: int) -> None:
        self.queue = FairQueue(**{"slots": 1, "waiting": 8, "per_title": 6, "per_address": 3, **limits})
        self.served: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._go_on = asyncio.Semaphore(0)

    async def ask(self, name: str, title: str, address: str | None) -> None:
        async def hold() -> None:
            async with self.queue.turn(title, address):
                self.served.append(name)
                await self._go_on.acquire()

        self.tasks[name] = asyncio.create_task(hold())
        await asyncio.sleep(0)

    async def let_go(self) -> None:
        """Everybody, one after the other."""
        for _ in self.tasks:
            self._go_on.release()
        await asyncio.gather(*self.tasks.values(), return_exceptions=True)

    def refused(self) -> list[str]:
        return [name for name, task in self.tasks.items() if task.done() and task.exception()]


async def test_titles_take_turns() -> None:
    crowd = Crowd()
    for name in ("a0", "a1", "a2", "a3", "b0", "c0"):
        await crowd.ask(name, title=name[0], address=None)
    await crowd.let_go()
    assert crowd.served == ["a0", "a1", "b0", "c0", "a2", "a3"]


async def test_one_address_does_not_hold_up_another_of_the_same_title() -> None:
    crowd = Crowd()
    for name in ("x0", "x1", "x2", "x3", "y0"):
        await crowd.ask(name, title="a", address=name[0])
    await crowd.let_go()
    assert crowd.served == ["x0", "y0", "x1", "x2", "x3"]


async def test_who_has_enough_waiting_is_refused_alone() -> None:
    crowd = Crowd()
    for number in range(6):
        await crowd.ask(f"x{number}", title="a", address="x")
    assert crowd.refused() == ["x4", "x5"], "one is served, three wait"
    await crowd.ask("y", title="a", address="y")
    assert crowd.refused() == ["x4", "x5"]
    await crowd.let_go()
    assert crowd.served == ["x0", "y", "x1", "x2", "x3"]


async def test_a_full_queue_has_room_for_another_title() -> None:
    """24 connections from many addresses for one title; another title's pictures are made all the same."""
    crowd = Crowd(per_title=8)
    for number in range(24):
        await crowd.ask(f"a{number}", title="a", address=f"192.0.2.{number}")
    for number in range(3):
        await crowd.ask(f"b{number}", title="b", address=f"198.51.100.{number}")
    assert [name for name in crowd.refused() if name.startswith("b")] == []
    await crowd.let_go()
    assert crowd.served[:4] == ["a0", "a1", "b0", "a2"]
    assert {"b0", "b1", "b2"} <= set(crowd.served)


@pytest.mark.parametrize("left", ["a1", "b0"])
async def test_who_leaves_takes_no_turn(left: str) -> None:
    crowd = Crowd()
    for name in ("a0", "a1", "b0", "c0"):
        await crowd.ask(name, title=name[0], address=None)
    crowd.tasks[left].cancel()
    await asyncio.sleep(0)
    await crowd.let_go()
    assert crowd.served == [name for name in ("a0", "a1", "b0", "c0") if name != left]


async def test_a_turn_that_was_given_to_somebody_who_leaves_goes_on() -> None:
    queue = FairQueue(slots=1, waiting=8, per_title=8, per_address=8)
    async with queue.turn("a", None):
        task = asyncio.create_task(queue.turn("b", None).__aenter__())
        await asyncio.sleep(0)
    task.cancel()  # its turn has been given, and it has not run yet
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(1), queue.turn("c", None):
        pass


async def test_busy_is_an_error_of_the_cache() -> None:
    crowd = Crowd(per_title=1)
    for name in ("a0", "a1", "a2"):
        await crowd.ask(name, title="a", address=None)
    with pytest.raises(CacheBusy):
        await crowd.tasks["a2"]
    await crowd.let_go()
