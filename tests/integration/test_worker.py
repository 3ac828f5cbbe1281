"""A worker's judgement of what a stage did, on a real PostgreSQL with stages made for the purpose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.db import steps
from core.db.postgres import Pool
from core.errors import Rejected, ToolKilled, Transient
from core.hints import Hints
from core.model import AssetId, StepKind
from core.settings import Settings
from core.step_kinds import SlotClass
from tests import runs, waiting
from tests.database import new_asset
from tests.step_rows import context_of
from workers.engine import reconciler, worker
from workers.engine.contract import ClaimedStep, Outcome, Stage, WorkerContext
from workers.engine.worker import Worker

SETTINGS = Settings(lease_s=1.5, heartbeat_s=0.2, poll_s=0.1, reconcile_s=0.2, redis_url="redis://127.0.0.1:1/0")  # type: ignore[arg-type]


@asynccontextmanager
async def working(
    pool: Pool, folder: Path, monkeypatch: pytest.MonkeyPatch, stage: Stage, **changes: Any
) -> AsyncIterator[asyncio.Task[None]]:
    """A worker whose probe step is `stage`. Redis is nowhere: hints only hint."""
    monkeypatch.setitem(worker.STAGES, StepKind.PROBE, stage)
    context = replace(context_of(pool, folder), settings=SETTINGS.model_copy(update=changes))
    hints = Hints(SETTINGS)
    task = asyncio.create_task(Worker(context, hints, "test", folder).run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        await hints.close()


async def owe(pool: Pool) -> AssetId:
    asset_id = await new_asset(pool)
    async with pool.acquire() as connection:
        await steps.insert(connection, asset_id, StepKind.PROBE, {})
    return asset_id


async def until(read: Callable[[], Awaitable[Any]], wanted: Any) -> None:
    async with asyncio.timeout(20 * runs.patience()):
        while await read() != wanted:
            await asyncio.sleep(0.05)


def state_of(pool: Pool, asset_id: AssetId) -> Callable[[], Awaitable[Any]]:
    return lambda: pool.fetchval("SELECT state FROM steps WHERE asset_id = $1 AND kind = 'probe'", asset_id)


async def test_a_done_step_leaves_its_effect_warnings_and_successor(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        async def effect(connection: Any) -> None:
            await connection.execute("UPDATE assets SET title = 'done' WHERE id = $1", claimed.asset.id)

        return Outcome(
            output={"a": 1}, on_commit=effect, warnings=(("w", "W"), ("w", "W")), next_steps=((StepKind.ENCODE, {}),)
        )

    asset_id = await owe(pool)
    async with working(pool, tmp_path, monkeypatch, stage, heavy_slots=1):
        await until(state_of(pool, asset_id), "done")
    row = await pool.fetchrow("SELECT title, warnings FROM assets WHERE id = $1", asset_id)
    assert row["title"] == "done"
    assert row["warnings"] == [{"code": "w", "message": "W"}]
    assert await pool.fetchval("SELECT count(*) FROM steps WHERE kind = 'encode'") == 1


async def test_rejected_media_is_final_and_told_with_code_and_hint(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        raise Rejected("corrupt", "It is broken.", "Mend it.")

    asset_id = await owe(pool)
    async with working(pool, tmp_path, monkeypatch, stage):
        await until(state_of(pool, asset_id), "failed")
    row = await pool.fetchrow("SELECT status, error FROM assets WHERE id = $1", asset_id)
    assert row["status"] == "errored"
    assert row["error"] == {"code": "corrupt", "message": "It is broken.", "hint": "Mend it."}
    assert await pool.fetchval("SELECT attempts FROM steps") == 0


async def test_a_failure_of_ours_is_tried_again_and_succeeds(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = 0

    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise Transient("not now")
        return Outcome()

    asset_id = await owe(pool)
    async with working(pool, tmp_path, monkeypatch, stage):
        await until(state_of(pool, asset_id), "done")
    row = await pool.fetchrow("SELECT attempts, interruptions FROM steps")
    assert (row["attempts"], row["interruptions"]) == (1, 0)


@pytest.mark.parametrize(
    ("failure", "limits", "code", "deaths"),
    [
        (ValueError("a bug"), {"max_attempts": 2}, "internal_error", 0),
        (ToolKilled(["ffmpeg"], -11, ""), {"max_hard_deaths": 2}, "corrupt", 2),
    ],
)
async def test_what_never_succeeds_becomes_a_dead_letter(
    pool: Pool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    failure: Exception,
    limits: dict[str, int],
    code: str,
    deaths: int,
) -> None:
    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        raise failure

    asset_id = await owe(pool)
    async with working(pool, tmp_path, monkeypatch, stage, **limits) as task:
        await until(state_of(pool, asset_id), "dead")
        assert not task.done(), "a bad step ended the worker"
    row = await pool.fetchrow("SELECT status, error FROM assets WHERE id = $1", asset_id)
    assert (row["status"], row["error"]["code"]) == ("errored", code)
    assert await pool.fetchval("SELECT hard_deaths FROM steps") == deaths
    assert "step.dead" in caplog.text


@pytest.mark.parametrize(
    ("kind", "failure", "state", "left", "status"),
    [
        (StepKind.PICTURES, ValueError("a bug"), "dead", "queued", "processing"),
        (StepKind.EXTRACT, Rejected("corrupt", "broken", "mend it"), "failed", "queued", "processing"),
        (StepKind.SOUND, ValueError("a bug"), "dead", "failed", "errored"),
    ],
)
async def test_an_extra_that_fails_stops_nothing(
    pool: Pool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: StepKind,
    failure: Exception,
    state: str,
    left: str,
    status: str,
) -> None:
    """The title goes on without its pictures; without its sound it does not."""

    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        raise failure

    monkeypatch.setitem(worker.STAGES, kind, stage)
    asset_id = await new_asset(pool)
    async with pool.acquire() as connection:
        await connection.execute("UPDATE assets SET status = 'processing' WHERE id = $1", asset_id)
        await steps.insert(connection, asset_id, kind, {"run": "r"})
        await steps.insert(connection, asset_id, StepKind.PUBLISH, {"run": "r"}, delay_s=600)

    def states(of: StepKind) -> Callable[[], Awaitable[Any]]:
        return lambda: pool.fetchval("SELECT state FROM steps WHERE asset_id = $1 AND kind = $2", asset_id, of.value)

    async with working(pool, tmp_path, monkeypatch, stage, max_attempts=1):
        await until(states(kind), state)
    assert await states(StepKind.PUBLISH)() == left
    assert await pool.fetchval("SELECT status FROM assets WHERE id = $1", asset_id) == status


async def test_a_stopped_worker_hands_its_step_back_without_an_attempt(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = asyncio.Event()

    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        begun.set()
        await asyncio.Event().wait()
        return Outcome()

    asset_id = await owe(pool)
    async with working(pool, tmp_path, monkeypatch, stage):
        await asyncio.wait_for(begun.wait(), 20)
    assert await state_of(pool, asset_id)() == "queued"
    row = await pool.fetchrow("SELECT attempts, interruptions, due_at <= now() AS due FROM steps")
    assert (row["attempts"], row["interruptions"], row["due"]) == (0, 1, True)
    assert list(tmp_path.glob("st_*")) == []


async def test_a_worker_stopped_while_it_claims_hands_the_step_back(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, claimed = steps.claim, asyncio.Event()

    async def answers_late(*args: Any) -> steps.Step | None:
        """PostgreSQL has committed the claim, and its answer is on its way."""
        step = await claim(*args)
        if step is not None:
            claimed.set()
            await asyncio.sleep(0.2)
        return step

    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        raise AssertionError("a worker that was stopped began a step")

    monkeypatch.setattr(worker.steps, "claim", answers_late)
    asset_id = await owe(pool)
    async with working(pool, tmp_path, monkeypatch, stage):
        await asyncio.wait_for(claimed.wait(), 20)
    assert await state_of(pool, asset_id)() == "queued"
    assert await pool.fetchval("SELECT attempts FROM steps WHERE asset_id = $1", asset_id) == 0


async def test_a_step_handed_back_is_not_claimed_again_by_the_worker_that_stops(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim, begun, claiming = steps.claim, asyncio.Event(), asyncio.Event()

    async def claims_late(*args: Any) -> steps.Step | None:
        """Once a step runs, every claim waits for a connection first."""
        if begun.is_set():
            claiming.set()
            await asyncio.sleep(0.3)
        return await claim(*args)

    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        begun.set()
        await asyncio.Event().wait()
        return Outcome()

    monkeypatch.setattr(worker.steps, "claim", claims_late)
    asset_id = await owe(pool)
    async with working(pool, tmp_path, monkeypatch, stage, poll_s=0.01):
        await asyncio.wait_for(claiming.wait(), 20)
    assert await state_of(pool, asset_id)() == "queued"
    assert await pool.fetchval("SELECT interruptions FROM steps WHERE asset_id = $1", asset_id) == 1


async def test_a_worker_that_lost_its_lease_stops_the_stage_and_writes_nothing(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        return Outcome()

    asset_id = await owe(pool)
    async with working(pool, tmp_path, monkeypatch, stage):
        await asyncio.wait_for(begun.wait(), 20)
        await pool.execute(
            "UPDATE steps SET lease_token = gen_random_uuid(), leased_by = 'heir',"
            " lease_until = now() + interval '1 hour'"
        )
        await asyncio.wait_for(stopped.wait(), 20)
    row = await pool.fetchrow("SELECT state, leased_by, attempts FROM steps WHERE asset_id = $1", asset_id)
    assert (row["state"], row["leased_by"], row["attempts"]) == ("leased", "heir", 0)


async def test_long_work_keeps_its_lease(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def lease_until() -> datetime:
        until: datetime = await pool.fetchval("SELECT lease_until FROM steps WHERE kind = 'probe'")
        return until

    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        first = await lease_until()
        await waiting.until(lease_until, lambda at: at > first + timedelta(seconds=SETTINGS.lease_s))
        return Outcome()

    asset_id = await owe(pool)
    async with working(pool, tmp_path, monkeypatch, stage):
        await until(state_of(pool, asset_id), "done")
    assert await pool.fetchval("SELECT interruptions FROM steps") == 0


async def test_the_reconciler_buries_what_is_interrupted_for_ever(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    asset_id = await owe(pool)
    await pool.execute(
        "UPDATE steps SET state = 'leased', lease_token = gen_random_uuid(), lease_until = now() - interval '1 second',"
        " interruptions = $1",
        steps.MAX_INTERRUPTIONS,
    )
    hints = Hints(SETTINGS)
    await reconciler.reconcile(pool, hints)
    await hints.close()
    assert await state_of(pool, asset_id)() == "dead"
    assert await pool.fetchval("SELECT status FROM assets WHERE id = $1", asset_id) == "errored"
    assert "step.dead" in caplog.text


async def test_a_class_without_slots_is_left_to_other_workers(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the two kinds of workers in deploy/k8s have it."""

    async def stage(context: WorkerContext, claimed: ClaimedStep) -> Outcome:
        return Outcome()

    monkeypatch.setitem(worker.STAGES, StepKind.PURGE, stage)
    asset_id = await owe(pool)
    async with pool.acquire() as connection:
        await steps.insert(connection, asset_id, StepKind.PURGE, {})
    fetches_only = {f"{slots.value}_slots": 0 for slots in SlotClass} | {"fetch_slots": 1}
    async with working(pool, tmp_path, monkeypatch, stage, **fetches_only):
        await until(lambda: pool.fetchval("SELECT state FROM steps WHERE kind = 'purge'"), "done")
        assert await state_of(pool, asset_id)() == "queued"
    async with working(pool, tmp_path, monkeypatch, stage, fetch_slots=0):
        await until(state_of(pool, asset_id), "done")
