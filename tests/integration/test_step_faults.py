"""Steps that once got in each other's way, on a real PostgreSQL: extras, old runs, interruptions, dubs."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.db import assets, steps, tracks
from core.db.postgres import Pool
from core.db.steps import Step
from core.errors import MachineFault, OutOfMemory
from core.hints import Hints
from core.model import AssetId, StepId, StepKind, StepState
from core.sandbox.child import ChildRunner
from core.settings import Settings
from core.step_kinds import BLOCK_REPROCESS_OF_READY, TRAITS, SlotClass
from core.storage.s3 import Storage
from tests.database import OWNER, new_asset, until_waiting
from tests.sources import source
from transcode.probe.source import VERSION, to_json
from workers.engine import failures, reconciler
from workers.engine import worker as worker_module
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.engine.memory_budget import MemoryBudget
from workers.engine.sources import Sources
from workers.engine.worker import Worker
from workers.step_context import StepContext
from workers.steps import extract, long_probe, probe

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


def probed(file: Path) -> Any:
    """What a probe says of a film with one sound, as far as the step reads it."""
    source = SimpleNamespace(
        container="mp4",
        damaged=False,
        unplayable_audio=(),
        audio=(SimpleNamespace(channels=2, layout="stereo"),),
        warnings=(),
    )
    return SimpleNamespace(source=source, index=None, file=file, mended=False)


async def test_the_probe_leaves_the_subtitles_for_later(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To read them takes the whole file, beside what makes the first segments of it."""
    facts = {"container": "mp4"}

    async def read(*_: object, **__: object) -> Any:
        return probed(tmp_path)

    async def local_source(_: StepContext) -> Path:
        return tmp_path

    monkeypatch.setattr(probe, "probe_title", read)
    monkeypatch.setattr(probe, "to_json", lambda _: facts)
    monkeypatch.setattr(StepContext, "local_source", local_source)
    asset_id = await new_asset(pool)
    await queue(pool, asset_id, StepKind.PROBE, source="a")
    claimed = await claimed_step(pool, asset_id, StepKind.PROBE, tmp_path)
    outcome = await probe.probe(context_of(pool, tmp_path), claimed)
    assert [kind for kind, _ in outcome.next_steps] == [StepKind.PLAN]
    assert outcome.on_commit is not None
    async with pool.acquire() as connection, connection.transaction():
        await outcome.on_commit(connection)
    assert [row["kind"] for row in await pool.fetch("SELECT kind FROM steps")] == ["probe"]


async def test_a_probe_that_takes_long_goes_on_in_slots_of_its_own(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick one is stopped by its CPU time, in the sandbox; the long one has all the time there is."""
    asked: list[bool] = []

    async def read(*_: object, quick: bool, **__: object) -> Any:
        asked.append(quick)
        if quick:
            raise probe.ProbeTakesLong
        return probed(tmp_path)

    async def local_source(_: StepContext) -> Path:
        return tmp_path

    monkeypatch.setattr(probe, "probe_title", read)
    monkeypatch.setattr(probe, "to_json", lambda _: {"container": "mp4"})
    monkeypatch.setattr(StepContext, "local_source", local_source)
    asset_id = await new_asset(pool)
    await queue(pool, asset_id, StepKind.PROBE, source="a", run="st_1")
    claimed = await claimed_step(pool, asset_id, StepKind.PROBE, tmp_path)
    outcome = await probe.probe(context_of(pool, tmp_path), claimed)
    assert outcome.next_steps == ((StepKind.LONG_PROBE, {"source": "a"}),)
    await queue(pool, asset_id, StepKind.PROBE, source="a", options={"effort": "economy"}, again="1")
    reprocess = await probe.probe(
        context_of(pool, tmp_path), await claimed_step(pool, asset_id, StepKind.PROBE, tmp_path)
    )
    again = {"source": "a", "options": {"effort": "economy"}, "again": "1"}
    assert reprocess.next_steps == ((StepKind.LONG_PROBE, again),)
    await queue(pool, asset_id, StepKind.LONG_PROBE, source="a", run="st_1")
    claimed = await claimed_step(pool, asset_id, StepKind.LONG_PROBE, tmp_path)
    outcome = await long_probe.long_probe(context_of(pool, tmp_path), claimed)
    assert [kind for kind, _ in outcome.next_steps] == [StepKind.PLAN]
    assert asked == [True, True, False]


async def test_what_is_probed_again_keeps_what_is_known_of_it(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its reprocess goes on with its own options; what only the upload has told of its mended copy still holds."""
    before = replace(source(), damaged=True, unplayable_audio=("dts",), warnings=(("times_mended", "jumped"),))
    unread = {"code": "subtitles_unreadable", "message": "pictures"}
    now = replace(before, version=VERSION)

    async def read(*_: object, **__: object) -> Any:
        return SimpleNamespace(source=source(version=VERSION), index=None, file=tmp_path, mended=False)

    async def local_source(_: StepContext) -> Path:
        return tmp_path

    monkeypatch.setattr(probe, "probe_title", read)
    monkeypatch.setattr(StepContext, "local_source", local_source)
    asset_id = await new_asset(pool)
    await pool.execute(
        "UPDATE assets SET source = $2, warnings = $3, options = $4 WHERE id = $1",
        asset_id,
        to_json(before),
        [unread],
        {"subtitles": "auto"},
    )
    reprocess = {"options": {"effort": "economy"}, "again": "1"}
    await queue(pool, asset_id, StepKind.PROBE, source="a", **reprocess)
    outcome = await probe.probe(
        context_of(pool, tmp_path), await claimed_step(pool, asset_id, StepKind.PROBE, tmp_path)
    )
    planned = {"source": "a", "facts": to_json(now), "index": None, **reprocess}
    assert outcome.next_steps == ((StepKind.PLAN, planned),)
    assert {code for code, _ in outcome.warnings} == {
        *("source_damaged", "audio_unsupported", "times_mended", "subtitles_unreadable"),
    }
    assert outcome.on_commit is not None
    async with pool.acquire() as connection, connection.transaction():
        await outcome.on_commit(connection)
    assert await tracks.of_asset(pool, asset_id) == [], "its owner may have removed the generated one"


async def test_what_is_mended_when_it_is_probed_again_is_read_for_subtitles_again(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those of the upload are removed with it."""

    async def read(*_: object, **__: object) -> Any:
        return SimpleNamespace(source=source(version=VERSION), index=None, file=tmp_path, mended=True)

    async def local_source(_: StepContext) -> Path:
        return tmp_path

    async def stored(*_: object) -> Any:
        return SimpleNamespace(key="k", sha256="b", bytes=1)

    monkeypatch.setattr(probe, "probe_title", read)
    monkeypatch.setattr(probe, "store_copy", stored)
    monkeypatch.setattr(StepContext, "local_source", local_source)
    asset_id = await new_asset(pool)
    await pool.execute("UPDATE assets SET source = $2 WHERE id = $1", asset_id, to_json(source()))
    await queue(pool, asset_id, StepKind.PROBE, source="a", options={}, again="1")
    outcome = await probe.probe(
        context_of(pool, tmp_path), await claimed_step(pool, asset_id, StepKind.PROBE, tmp_path)
    )
    assert [kind for kind, _ in outcome.next_steps] == [StepKind.PLAN, StepKind.EXTRACT]
    assert [step_input["source"] for _, step_input in outcome.next_steps] == ["b", "b"]


async def claimed_step(pool: Pool, asset_id: AssetId, kind: StepKind, folder: Path) -> ClaimedStep:
    asset = await assets.by_id(pool, asset_id)
    assert asset is not None
    return ClaimedStep(step=await claim(pool, kind), asset=asset, work_dir=folder, progress=lambda _: None)


async def test_subtitles_of_an_upload_are_read_once_for_each_time_it_comes(pool: Pool, tmp_path: Path) -> None:
    """After the first chunk of an upload or a pull; never because of a reprocess."""
    asset_id = await new_asset(pool)
    await pool.execute("UPDATE assets SET source = $2 WHERE id = $1", asset_id, {"container": "matroska"})
    uploaded = await queue(pool, asset_id, StepKind.ACCEPT, upload_id="up_1")
    await end(pool, uploaded, StepState.DONE)
    probed = await queue(pool, asset_id, StepKind.PROBE, source="a", run=uploaded)
    await end(pool, probed, StepState.DONE)
    await queue(pool, asset_id, StepKind.FIRST_RUNG, source="a", chunk=0, run=uploaded)
    context = context_of(pool, tmp_path)
    of_upload = await claimed_step(pool, asset_id, StepKind.FIRST_RUNG, tmp_path)
    assert await extract.steps_of_upload(context, of_upload) == ((StepKind.EXTRACT, {"source": "a"}),)
    again = await queue(pool, asset_id, StepKind.PLAN, again="1")
    await end(pool, again, StepState.DONE)
    await queue(pool, asset_id, StepKind.ANALYSE, source="a", run=again)
    of_reprocess = await claimed_step(pool, asset_id, StepKind.ANALYSE, tmp_path)
    assert await extract.steps_of_upload(context, of_reprocess) == ()
    probed_again = await queue(pool, asset_id, StepKind.LONG_PROBE, source="a", again="2", run="st_3")
    await end(pool, probed_again, StepState.DONE)
    await queue(pool, asset_id, StepKind.ANALYSE, source="a", run="st_3")
    of_reprocess = await claimed_step(pool, asset_id, StepKind.ANALYSE, tmp_path)
    assert await extract.steps_of_upload(context, of_reprocess) == ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Runs:
    """Steps of an asset whose source was replaced: (run 1) dead, (run 2) dead and failed, and one of no run, dead."""

    asset_id: AssetId
    old: tuple[StepId, ...]
    new: tuple[StepId, ...]
    alone: StepId


async def replaced(pool: Pool) -> _Runs:
    asset_id = await new_asset(pool)
    first = await queue(pool, asset_id, StepKind.ACCEPT, upload_id="up_1")
    await end(pool, first, StepState.DONE)
    old = tuple([await queue(pool, asset_id, kind, run=first) for kind in (StepKind.ENCODE, StepKind.SOUND)])
    alone = await queue(pool, asset_id, StepKind.DUB, track="tr_1")
    second = await queue(pool, asset_id, StepKind.ACCEPT, upload_id="up_2")
    await end(pool, second, StepState.DONE)
    probed = await queue(pool, asset_id, StepKind.PROBE, run=second)
    await end(pool, probed, StepState.DONE)
    new = tuple([await queue(pool, asset_id, kind, run=second) for kind in (StepKind.ENCODE, StepKind.SOUND)])
    for step in (*old, new[0], alone):
        await end(pool, step, StepState.DEAD)
    await end(pool, new[1], StepState.FAILED)
    return _Runs(asset_id=asset_id, old=old, new=new, alone=alone)


async def test_a_retry_leaves_the_runs_of_a_replaced_source_alone(pool: Pool) -> None:
    runs = await replaced(pool)
    async with pool.acquire() as connection:
        queued = await steps.retry(connection, runs.asset_id)
    assert {step for step, _ in queued} == {*runs.new, runs.alone}
    now = await states(pool)
    assert [now[step] for step in runs.old] == ["dead", "dead"]
    assert [now[step] for step in (*runs.new, runs.alone)] == ["queued"] * 3


async def test_a_retry_queues_the_step_that_begins_the_newest_run(pool: Pool) -> None:
    asset_id = await new_asset(pool)
    old = await queue(pool, asset_id, StepKind.FETCH, url="https://example.com/a")
    await end(pool, old, StepState.FAILED)
    new = await queue(pool, asset_id, StepKind.ACCEPT, upload_id="up_2")
    await end(pool, new, StepState.DEAD)
    async with pool.acquire() as connection:
        assert await steps.retry(connection, asset_id) == [(new, StepKind.ACCEPT)]


async def test_a_step_is_retried_on_request_only_so_often(pool: Pool) -> None:
    asset_id = await new_asset(pool)
    step = await queue(pool, asset_id, StepKind.ACCEPT, upload_id="up_2")
    for _ in range(steps.MAX_RETRIES):
        await end(pool, step, StepState.FAILED)
        async with pool.acquire() as connection, connection.transaction():
            assert await steps.retry(connection, asset_id) == [(step, StepKind.ACCEPT)]
    await end(pool, step, StepState.FAILED)
    with pytest.raises(steps.RetriesUsedUp):
        async with pool.acquire() as connection, connection.transaction():
            await steps.retry(connection, asset_id)
    assert (await states(pool))[step] == "failed", "rolled back"


async def interrupted(pool: Pool, step: StepId, times: int) -> None:
    """Leave a step as a worker that died for the `times`-th time."""
    await pool.execute(
        "UPDATE steps SET state = 'leased', lease_token = gen_random_uuid(), interruptions = $2,"
        " lease_until = now() - interval '1 second' WHERE id = $1",
        step,
        times,
    )


async def test_nobody_claims_a_step_that_was_interrupted_too_often(pool: Pool) -> None:
    """The cap holds, although a worker may be quicker than the reconciler."""
    step = await queue(pool, await new_asset(pool), StepKind.ENCODE)
    await interrupted(pool, step, steps.MAX_INTERRUPTIONS - 1)
    assert (await claim(pool, StepKind.ENCODE)).interruptions == steps.MAX_INTERRUPTIONS
    await interrupted(pool, step, steps.MAX_INTERRUPTIONS)
    assert await steps.claim(pool, EVERY_KIND, "test", 30) is None


async def test_the_reconciler_stops_the_run_of_what_it_gives_up(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    """The other parts of the encode are of no use to anybody."""
    asset_id = await new_asset(pool)
    given_up = await queue(pool, asset_id, StepKind.ENCODE, run="r", chunk=0)
    sibling = await queue(pool, asset_id, StepKind.ENCODE, run="r", chunk=1)
    tidying = await queue(pool, asset_id, StepKind.DISCARD, run="r")
    other_run = await queue(pool, asset_id, StepKind.ENCODE, run="s", chunk=1)
    await interrupted(pool, given_up, steps.MAX_INTERRUPTIONS)
    hints = Hints(SETTINGS)
    await reconciler.reconcile(pool, hints)
    await hints.close()
    now = await states(pool)
    assert (now[given_up], now[sibling]) == ("dead", "failed")
    assert (now[tidying], now[other_run]) == ("queued", "queued")
    assert await pool.fetchval("SELECT status FROM assets WHERE id = $1", asset_id) == "errored"
    assert "step.dead" in caplog.text


async def test_the_reconciler_stops_nothing_for_an_extra(pool: Pool, caplog: pytest.LogCaptureFixture) -> None:
    asset_id = await new_asset(pool)
    album = await queue(pool, asset_id, StepKind.PICTURES, run="r")
    encode = await queue(pool, asset_id, StepKind.ENCODE, run="r", chunk=0)
    await interrupted(pool, album, steps.MAX_INTERRUPTIONS)
    hints = Hints(SETTINGS)
    await reconciler.reconcile(pool, hints)
    await hints.close()
    now = await states(pool)
    assert (now[album], now[encode]) == ("dead", "queued")
    assert await pool.fetchval("SELECT status FROM assets WHERE id = $1", asset_id) == "processing"
    assert "step.dead" in caplog.text


@pytest.mark.parametrize("kind", StepKind)
async def test_only_the_way_to_ready_holds_up_a_reprocess(pool: Pool, kind: StepKind) -> None:
    """A dub under way, a purge at a CDN that does not answer: neither is a reason for a 409."""
    asset_id = await new_asset(pool)
    await queue(pool, asset_id, kind)
    on_the_way = TRAITS[kind].failure.value == "asset" or kind is StepKind.FIRST_SOUND
    blocks = on_the_way and kind is not StepKind.REPUBLISH
    blocks_ready = blocks and kind is not StepKind.FIRST_SOUND  # the only one that publish does not wait for
    for claimed in (False, True):
        if claimed:
            await claim(pool, kind)
        async with pool.acquire() as connection:
            assert await steps.busy(connection, asset_id) is blocks
            assert await steps.busy(connection, asset_id, BLOCK_REPROCESS_OF_READY) is blocks_ready


async def test_a_republication_is_retried_whichever_run_it_follows(pool: Pool) -> None:
    runs = await replaced(pool)
    failed = await queue(pool, runs.asset_id, StepKind.REPUBLISH, tracks=3, run=runs.old[0])
    await end(pool, failed, StepState.DEAD)
    async with pool.acquire() as connection:
        queued = await steps.retry(connection, runs.asset_id)
    assert (failed, StepKind.REPUBLISH) in queued


async def test_a_publication_that_was_overtaken_by_a_republication_is_followed_by_another(pool: Pool) -> None:
    """The same tracks were republished on the revision before; the new one was made without them."""
    asset_id = await new_asset(pool)
    await pool.execute("UPDATE assets SET tracks_version = 2 WHERE id = $1", asset_id)
    overtaking = await queue(pool, asset_id, StepKind.REPUBLISH, tracks=2)
    await end(pool, overtaking, StepState.DONE)
    publication = await queue(pool, asset_id, StepKind.PUBLISH, plan="p")
    async with pool.acquire() as connection, connection.transaction():
        await tracks.title_published(connection, asset_id, 1, by=publication)
    now = await states(pool)
    assert [state for step, state in now.items() if step not in (overtaking, publication)] == ["queued"]


@pytest.mark.parametrize(
    "fault", [MachineFault("the disk is full"), OSError(errno.ENOSPC, "No space left on device"), MemoryError()]
)
async def test_what_is_the_machines_fault_is_no_attempt(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    """A disk that is full for longer than all attempts take: the step is done as soon as there is room."""
    failures_left = 2 * SETTINGS.max_attempts

    async def stage(worker: WorkerContext, claimed: ClaimedStep, /) -> Outcome:
        nonlocal failures_left
        if failures_left:
            failures_left -= 1
            raise fault
        return Outcome()

    monkeypatch.setitem(worker_module.STAGES, StepKind.ENCODE, stage)
    monkeypatch.setattr(failures, "postponed_s", lambda _: 0.01)
    step = await queue(pool, await new_asset(pool), StepKind.ENCODE)
    async with working(pool, tmp_path):
        await until_state(pool, step, StepState.DONE)
    counters = "attempts, interruptions, hard_deaths, postponements"
    row = await pool.fetchrow(f"SELECT {counters} FROM steps WHERE id = $1", step)
    assert tuple(row) == (0, 0, 0, 2 * SETTINGS.max_attempts)


async def test_memory_is_not_waited_for_without_end(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The owner reads that the machine was too small, not that the file is broken."""

    async def stage(worker: WorkerContext, claimed: ClaimedStep, /) -> Outcome:
        raise OutOfMemory("ffmpeg was ended by the kernel: memory ran out")

    monkeypatch.setitem(worker_module.STAGES, StepKind.ENCODE, stage)
    monkeypatch.setattr(failures, "postponed_s", lambda _: 0.01)
    asset_id = await new_asset(pool)
    step = await queue(pool, asset_id, StepKind.ENCODE)
    async with working(pool, tmp_path):
        await until_state(pool, step, StepState.DEAD)
    asset = await assets.by_id(pool, asset_id)
    assert asset is not None
    assert asset.error is not None
    assert asset.error["code"] == "out_of_memory"


async def test_a_delete_waits_for_a_step_that_ends_and_not_the_other_way_round(pool: Pool) -> None:
    """Each held what the other one waited for; PostgreSQL ended one of them, and the owner was told to try again."""
    asset_id = await new_asset(pool)
    sibling = await queue(pool, asset_id, StepKind.ENCODE, run="r", chunk=0)  # comes first in the delete, too
    await queue(pool, asset_id, StepKind.SOUND, run="r")
    ending = await claim(pool, StepKind.SOUND)

    async def delete() -> bool:
        async with pool.acquire() as connection, connection.transaction():
            return await assets.delete(connection, asset_id, OWNER)

    async with pool.acquire() as connection, connection.transaction():
        await steps.finish(connection, ending, StepState.DONE, output={})
        deleting = asyncio.create_task(delete())
        await until_waiting(pool)
        await steps.stop_run(connection, asset_id, "r")
        await steps.lock_asset(connection, asset_id)
        following = await steps.insert(connection, asset_id, StepKind.PUBLISH, {"run": "r"})
    assert await deleting
    now = await states(pool)
    assert following is not None
    assert (now[ending.id], now[sibling], now[following]) == ("done", "dead", "dead")
