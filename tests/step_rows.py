"""Steps in the rows of a database, and a worker that runs them without Redis or storage."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from core.db import steps
from core.db.postgres import Pool
from core.db.steps import Step
from core.hints import Hints
from core.model import AssetId, StepId, StepKind, StepState
from core.sandbox.child import ChildRunner
from core.settings import Settings
from core.storage.s3 import Storage
from workers.engine.contract import WorkerContext
from workers.engine.memory_budget import MemoryBudget
from workers.engine.sources import Sources
from workers.engine.worker import Worker

SETTINGS = Settings(lease_s=5, heartbeat_s=1, poll_s=0.1, redis_url="redis://127.0.0.1:1/0")  # type: ignore[arg-type]
WITHIN_S = 30
EVERY_KIND = frozenset(StepKind)


async def queue(pool: Pool, asset_id: AssetId, kind: StepKind, **step_input: object) -> StepId:
    async with pool.acquire() as connection:
        step = await steps.insert(connection, asset_id, kind, step_input)
    assert step is not None
    return step


async def claim(pool: Pool, *kinds: StepKind, lease_s: float = 30) -> Step:
    step = await steps.claim(pool, frozenset(kinds), "test", lease_s)
    assert step is not None
    return step


async def end(pool: Pool, step_id: StepId, state: StepState) -> None:
    """Set the state of a step as a worker would have left it."""
    await pool.execute("UPDATE steps SET state = $2, finished_at = now() WHERE id = $1", step_id, state.value)


async def states(pool: Pool) -> dict[str, str]:
    return {row["id"]: row["state"] for row in await pool.fetch("SELECT id, state FROM steps")}


async def until_state(pool: Pool, step_id: StepId, state: StepState) -> None:
    async with asyncio.timeout(WITHIN_S):
        while (await states(pool))[step_id] != state:
            await asyncio.sleep(0.05)


def context_of(pool: Pool, folder: Path) -> WorkerContext:
    return WorkerContext(
        settings=SETTINGS,
        pool=pool,
        storage=Storage(None, None),
        runner=ChildRunner((), {}),
        sources=Sources(folder / "sources", 1),
        ffmpeg="",
        ffmpeg_version="",
        codecs=frozenset(),
        memory=MemoryBudget(1),
    )


@asynccontextmanager
async def working(pool: Pool, folder: Path, settings: Settings = SETTINGS) -> AsyncIterator[None]:
    """A worker with the slots that are the default. Redis is nowhere: hints only hint."""
    hints = Hints(settings)
    context = replace(context_of(pool, folder), settings=settings)
    task = asyncio.create_task(Worker(context, hints, "test", folder).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        await hints.close()
