"""Steps that once got in each other's way, on a real PostgreSQL: old runs, interruptions, deletes, memory."""

import errno
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from core.db import assets, steps, tracks
from core.db.postgres import Pool
from core.errors import MachineFault, OutOfMemory
from core.hints import Hints
from core.model import AssetId, StepId, StepKind, StepState
from core.step_kinds import BLOCK_REPROCESS_OF_READY, TRAITS
from tests.database import new_asset
from tests.sources import source
from tests.step_rows import EVERY_KIND, SETTINGS, claim, context_of, end, queue, states, until_state, working
from transcode.probe.source import VERSION, to_json
from workers.engine import failures, reconciler
from workers.engine import worker as worker_module
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.step_context import StepContext
from workers.steps import extract, long_probe, probe


def probed(file: Path) -> Any:
    """What a probe says of a film with one sound, as far as the step reads it."""
    source = SimpleNamespace(
        duration_s=10,
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
