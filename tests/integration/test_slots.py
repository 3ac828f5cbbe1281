"""Slots of a worker on a real PostgreSQL: what waits for what, and for how long."""

import asyncio
from pathlib import Path

import pytest

from core.db.postgres import Pool
from core.model import StepKind, StepState
from core.step_kinds import TRAITS, SlotClass
from tests.database import new_asset
from tests.step_rows import SETTINGS, WITHIN_S, queue, until_state, working
from workers.engine import worker as worker_module
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext


async def test_the_only_owner_waits_for_no_poll(pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One slot is kept for other owners and asks for all: it has to ask again when a step of the only owner ends."""

    async def quick(worker: WorkerContext, claimed: ClaimedStep, /) -> Outcome:
        return Outcome()

    monkeypatch.setitem(worker_module.STAGES, StepKind.PICTURES, quick)
    asset_id = await new_asset(pool)
    queued = [await queue(pool, asset_id, StepKind.PICTURES, number=number) for number in range(10)]
    async with working(pool, tmp_path, SETTINGS.model_copy(update={"poll_s": 10 * WITHIN_S})):
        for step in queued:
            await until_state(pool, step, StepState.DONE)
    assert len(queued) == 10


@pytest.mark.parametrize("kind", [StepKind.PICTURES, StepKind.EXTRACT, StepKind.DOWNLOADS, StepKind.TRANSCRIBE])
async def test_extras_hold_up_no_new_upload(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: StepKind
) -> None:
    """However many there are: what a title can be without has slots of its own, and the last is another owner's."""
    slots = TRAITS[kind].slots
    running, most = 0, getattr(SETTINGS, f"{slots.value}_slots") - 1
    needs = [StepKind.PROBE, StepKind.PLAN, StepKind.FIRST_RUNG, StepKind.ENCODE, StepKind.POSTER]
    if slots is SlotClass.SPEECH:  # which takes the longest, and holds up no album either
        needs.append(StepKind.PICTURES)
    all_slots_taken = asyncio.Event()

    async def extra(worker: WorkerContext, claimed: ClaimedStep, /) -> Outcome:
        nonlocal running
        running += 1
        if running == most:
            all_slots_taken.set()
        await asyncio.Event().wait()
        return Outcome()

    async def quick(worker: WorkerContext, claimed: ClaimedStep, /) -> Outcome:
        return Outcome()

    asset_id = await new_asset(pool)
    monkeypatch.setitem(worker_module.STAGES, kind, extra)
    for number in range(10):
        await queue(pool, asset_id, kind, number=number)
    async with working(pool, tmp_path):
        await asyncio.wait_for(all_slots_taken.wait(), WITHIN_S)
        for needed in needs:
            monkeypatch.setitem(worker_module.STAGES, needed, quick)
            await until_state(pool, await queue(pool, asset_id, needed), StepState.DONE)
        assert running == most
    assert slots in (SlotClass.EXTRA, SlotClass.SPEECH)
