"""workers.engine.memory_budget: memory in use at once stays below a bound, and nobody waits for ever."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from core.sandbox.machine import available_bytes
from core.settings import GIB, MIB
from tests.sources import source
from transcode.plan.build import build_plan
from workers.engine.memory_budget import MemoryBudget, encode_bytes, half_of_memory


class Use:
    """Counts what is held."""

    def __init__(self, budget: MemoryBudget) -> None:
        self.budget = budget
        self.now = 0
        self.most = 0

    async def once(self, wanted: int, turns: int = 3) -> None:
        async with self.budget.hold(wanted):
            self.now += wanted
            self.most = max(self.most, self.now)
            for _ in range(turns):
                await asyncio.sleep(0)
            self.now -= wanted


async def turns() -> None:
    """Let everybody else go as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_never_more_than_there_is() -> None:
    use = Use(MemoryBudget(2 * GIB))
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for number in range(40):
            group.create_task(use.once((number % 5 + 1) * 300 * MIB))
    assert use.now == 0
    assert GIB < use.most <= 2 * GIB


async def test_what_fits_does_not_wait() -> None:
    budget = MemoryBudget(2 * GIB)
    async with asyncio.timeout(10), budget.hold(GIB), budget.hold(GIB):
        late = asyncio.create_task(Use(budget).once(1))
        await turns()
        assert not late.done()
    async with asyncio.timeout(10):
        await late


async def test_more_than_all_of_it_gets_all_of_it_alone() -> None:
    budget = MemoryBudget(2 * GIB)
    async with asyncio.timeout(10), budget.hold(100 * GIB):
        other = asyncio.create_task(Use(budget).once(1))
        await turns()
        assert not other.done()
    async with asyncio.timeout(10):
        await other
        await Use(budget).once(100 * GIB)


async def test_a_tiny_machine_can_still_encode() -> None:
    """At least 256 MiB, however little the machine says it has."""
    budget = MemoryBudget(1)
    async with asyncio.timeout(10), budget.hold(128 * MIB), budget.hold(128 * MIB):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05), budget.hold(1):
                pytest.fail("more than 256 MiB are held at once")


async def test_a_failure_gives_back_what_it_held() -> None:
    budget = MemoryBudget(GIB)
    with pytest.raises(RuntimeError, match="encode"):
        async with budget.hold(GIB):
            raise RuntimeError("encode")
    async with asyncio.timeout(10), budget.hold(GIB):
        pass


async def test_one_that_gives_up_waiting_takes_nothing() -> None:
    budget = MemoryBudget(GIB)
    async with budget.hold(GIB):
        waiting = asyncio.create_task(Use(budget).once(GIB))
        await turns()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    async with asyncio.timeout(10), budget.hold(GIB):
        pass


async def test_one_cancelled_while_it_holds_gives_back() -> None:
    budget, begun = MemoryBudget(GIB), asyncio.Event()

    async def hold() -> None:
        async with budget.hold(GIB):
            begun.set()
            await asyncio.Event().wait()

    holding = asyncio.create_task(hold())
    await begun.wait()
    holding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holding
    async with asyncio.timeout(10), budget.hold(GIB):
        pass


def test_what_an_encode_holds() -> None:
    """Six rungs of 1080p were measured at 0.6 GB; more is asked for than that, but not twice as much."""
    made = build_plan(source(), None)
    whole = encode_bytes(made, made.rungs, 1920 * 1080)
    assert 600_000_000 < whole < 1_200_000_000
    assert encode_bytes(made, made.rungs[4:], 1920 * 1080) < whole
    assert encode_bytes(made, made.rungs, 3840 * 2160) > whole
    assert made.video is not None
    hdr = replace(made, video=replace(made.video, tone_map=True))
    assert encode_bytes(hdr, made.rungs, 1920 * 1080) > whole


def test_half_of_memory() -> None:
    """Of the machine, or of what a control group leaves of it."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    total = int(next(line for line in lines if line.startswith("MemTotal:")).split()[1]) * 1024
    assert half_of_memory() == available_bytes() // 2
    assert 0 < half_of_memory() <= total * 0.51
