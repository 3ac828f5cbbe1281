"""Tracks on a database alone: whose words they are when uploads, people and workers change them at the same time."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from core.db import assets, publication, steps, tracks
from core.db.postgres import Pool
from core.db.publication import TitleRows
from core.db.steps import Step
from core.db.tracks import Found, Track, TrackId, TrackKind, TrackSource, TrackStatus
from core.event_types import TrackReady
from core.model import AssetId, RevisionId, StepKind, StepState, new_id
from tests import runs
from tests.database import new_asset
from tests.step_rows import context_of
from workers.engine.contract import ClaimedStep
from workers.steps.translate import translate
from workers.title import belongs_to_upload

HEARD = Found(source=TrackSource.GENERATED, model="m", language="en", language_probability=1.0)
GENERATE: dict[str, Any] = {"generate": {"language": "en", "profile": None}}


async def wish(pool: Pool, asset_id: AssetId, source: TrackSource, wanted: dict[str, Any], **made: str) -> TrackId:
    async with pool.acquire() as connection, connection.transaction():
        return await tracks.insert(
            connection,
            asset_id,
            kind=TrackKind.SUBTITLES,
            language="en",
            name=None,
            source=source,
            wanted=wanted,
            made=made or None,
        )


async def publish(pool: Pool, asset_id: AssetId, upload: str) -> None:
    """As the publication of a run ends."""
    run = new_id("st")
    async with pool.acquire() as connection, connection.transaction():
        await steps.insert(connection, asset_id, StepKind.ANALYSE, {"run": run, "source": upload})
        publish_step = await steps.insert(connection, asset_id, StepKind.PUBLISH, {"run": run})
        await connection.execute(
            "UPDATE steps SET state = 'done', created_at = clock_timestamp() WHERE input ->> 'run' = $1", run
        )
        version = await connection.fetchval("SELECT tracks_version FROM assets WHERE id = $1", asset_id)
        assert publish_step is not None
        title = TitleRows(tracks_version=version, tracks=[], upload=upload, parts=[])
        await publication.publish(
            connection, asset_id, RevisionId(run[-20:]), {"duration_s": 1}, title=title, by=publish_step
        )


async def claimed(pool: Pool, kind: StepKind = StepKind.TRANSCRIBE) -> tuple[Step, Track]:
    """The step that is owed, as a worker takes it, and its track."""
    step = await steps.claim(pool, frozenset((kind,)), "test", 60)
    assert step is not None, f"no {kind} is owed"
    track = await tracks.by_id(pool, step.input["track"])
    assert track is not None
    assert track.waits_for(step.input)
    return step, track


async def finish(pool: Pool, step: Step, track: Track, **made: str) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await steps.finish(connection, step, StepState.DONE)
        await tracks.finish(connection, track, made, HEARD)


async def row(pool: Pool, track_id: TrackId) -> Track:
    track = await tracks.by_id(pool, track_id)
    assert track is not None
    return track


async def state_of(pool: Pool, step: Step) -> Any:
    return await pool.fetchval("SELECT state FROM steps WHERE id = $1", step.id)


async def test_each_upload_that_is_shown_is_heard_anew(pool: Pool) -> None:
    asset_id = await new_asset(pool)
    track_id = await wish(pool, asset_id, TrackSource.GENERATED, GENERATE)
    for upload in ("a", "b", "a", "b"):
        await publish(pool, asset_id, upload)
        step, track = await claimed(pool)
        assert track.made is None
        await finish(pool, step, track, text=f"of {upload}", upload=upload)
        # The same upload encoded again says the same.
        await publish(pool, asset_id, upload)
        now = await row(pool, track_id)
        assert (now.status, now.made) == (TrackStatus.READY, {"text": f"of {upload}", "upload": upload})
        assert belongs_to_upload(now, upload)
        assert not belongs_to_upload(now, "another")
    assert await pool.fetchval("SELECT count(*) FROM steps WHERE kind = 'transcribe'") == 4


@pytest.mark.parametrize("begun", [True, False])
async def test_words_of_a_replaced_upload_are_nobodys(pool: Pool, *, begun: bool) -> None:
    """Whether the work on them had begun or still waited."""
    asset_id = await new_asset(pool)
    track_id = await wish(pool, asset_id, TrackSource.GENERATED, GENERATE)
    await publish(pool, asset_id, "a")
    old = await claimed(pool) if begun else None
    await publish(pool, asset_id, "b")
    if old is not None:
        assert await state_of(pool, old[0]) == "dead"
        async with pool.acquire() as connection, connection.transaction():
            assert await tracks.finish(connection, old[1], {"text": "of a"}, HEARD) is None
        assert (await row(pool, track_id)).made is None
    await finish(pool, *await claimed(pool), text="of b", upload="b")
    assert (await row(pool, track_id)).made == {"text": "of b", "upload": "b"}
    assert await steps.claim(pool, frozenset((StepKind.TRANSCRIBE,)), "test", 60) is None


async def begin_beside_encode(pool: Pool, asset_id: AssetId, track_id: TrackId, upload: str) -> None:
    """As the plan of a run's encode ends."""
    track = await row(pool, track_id)
    step_input = {"run": new_id("st"), "plan": "p", "source": upload, **track.step_input}
    async with pool.acquire() as connection, connection.transaction():
        assert await steps.insert(connection, asset_id, StepKind.TRANSCRIBE, step_input) is not None


@pytest.mark.parametrize("ends_first", [True, False])
async def test_what_is_heard_beside_the_encode_is_not_heard_again(pool: Pool, *, ends_first: bool) -> None:
    """Whether the transcription or the publication ends first."""
    asset_id = await new_asset(pool)
    track_id = await wish(pool, asset_id, TrackSource.GENERATED, GENERATE)
    await begin_beside_encode(pool, asset_id, track_id, "a")
    work = await claimed(pool)
    if ends_first:
        await finish(pool, *work, text="of a", upload="a")
    await publish(pool, asset_id, "a")
    if not ends_first:
        await finish(pool, *work, text="of a", upload="a")
    assert (await row(pool, track_id)).made == {"text": "of a", "upload": "a"}
    assert await pool.fetchval("SELECT count(*) FROM steps WHERE kind = 'transcribe'") == 1
    # In the first revision, or in the one after it.
    assert await pool.fetchval("SELECT count(*) FROM steps WHERE kind = 'republish'") == int(not ends_first)


@pytest.mark.parametrize("ended", [True, False])
async def test_words_of_an_upload_that_was_never_shown_are_nobodys(pool: Pool, *, ended: bool) -> None:
    """Its encode failed; another upload takes its place."""
    asset_id = await new_asset(pool)
    track_id = await wish(pool, asset_id, TrackSource.GENERATED, GENERATE)
    await begin_beside_encode(pool, asset_id, track_id, "a")
    old = await claimed(pool)
    if ended:
        await finish(pool, *old, text="of a", upload="a")
    async with pool.acquire() as connection, connection.transaction():
        await tracks.upload_replaced(connection, asset_id, by=new_id("st"))
    assert (await row(pool, track_id)).made is None
    assert await state_of(pool, old[0]) == ("done" if ended else "dead")
    await begin_beside_encode(pool, asset_id, track_id, "b")
    await finish(pool, *await claimed(pool), text="of b", upload="b")
    await publish(pool, asset_id, "b")
    assert (await row(pool, track_id)).made == {"text": "of b", "upload": "b"}
    assert await steps.claim(pool, frozenset((StepKind.TRANSCRIBE,)), "test", 60) is None


async def test_the_first_upload_changes_no_track_that_waits_for_it(pool: Pool) -> None:
    asset_id = await new_asset(pool)
    track_id = await wish(pool, asset_id, TrackSource.GENERATED, GENERATE)
    before = await row(pool, track_id)
    async with pool.acquire() as connection, connection.transaction():
        await tracks.upload_replaced(connection, asset_id, by=new_id("st"))
    assert await row(pool, track_id) == before


async def test_what_lay_in_an_upload_goes_with_it(pool: Pool) -> None:
    """And only once another is shown in its place; a person's work stays."""
    asset_id = await new_asset(pool)
    old, new = [
        await wish(pool, asset_id, TrackSource.EMBEDDED, {"upload": upload, "stream": 2}, text="t") for upload in "ab"
    ]
    edited = await wish(pool, asset_id, TrackSource.EDITED, {"upload": "a", "stream": 3}, text="t")
    await pool.execute("UPDATE assets SET source_sha256 = 'b' WHERE id = $1", asset_id)
    await publish(pool, asset_id, "a")
    there = await tracks.of_asset(pool, asset_id)
    assert [track.id for track in there] == [old, new, edited]
    assert [belongs_to_upload(track, "a") for track in there] == [True, False, True]
    await publish(pool, asset_id, "b")
    assert [track.id for track in await tracks.of_asset(pool, asset_id)] == [new, edited]


async def test_a_translation_waits_for_its_original(pool: Pool) -> None:
    asset_id = await new_asset(pool)
    original = await wish(pool, asset_id, TrackSource.GENERATED, GENERATE)
    await wish(pool, asset_id, TrackSource.TRANSLATED, {"translate": {"from": original}})
    await publish(pool, asset_id, "a")
    assert await pool.fetchval("SELECT count(*) FROM steps WHERE kind = 'translate'") == 0
    await finish(pool, *await claimed(pool), text="t", upload="a")
    _, translation = await claimed(pool, StepKind.TRANSLATE)
    assert translation.wanted == {"translate": {"from": original}}


async def test_a_translation_of_nothing_is_given_up(pool: Pool, tmp_path: Path) -> None:
    asset_id = await new_asset(pool)
    original = await wish(pool, asset_id, TrackSource.GENERATED, GENERATE)
    translated = await wish(pool, asset_id, TrackSource.TRANSLATED, {"translate": {"from": original}})
    await publish(pool, asset_id, "a")
    async with pool.acquire() as connection, connection.transaction():
        silent = {"code": "no_speech", "message": "m", "hint": "h"}
        await tracks.give_up(connection, await row(pool, original), TrackStatus.SKIPPED, silent)
    step, _ = await claimed(pool, StepKind.TRANSLATE)
    asset = await assets.by_id(pool, asset_id)
    assert asset is not None
    work = ClaimedStep(step=step, asset=asset, work_dir=tmp_path, progress=lambda _: None)
    outcome = await translate(context_of(pool, tmp_path), work)
    assert outcome.on_commit is not None
    async with pool.acquire() as connection, connection.transaction():
        await outcome.on_commit(connection)
    now = await row(pool, translated)
    assert now.status is TrackStatus.SKIPPED
    assert now.error is not None
    assert now.error["code"] == "no_original"


async def test_who_vouches_for_a_text_wants_no_other(pool: Pool) -> None:
    asset_id = await new_asset(pool)
    track_id = await wish(pool, asset_id, TrackSource.GENERATED, GENERATE, text="old", upload="a")
    await publish(pool, asset_id, "a")
    async with pool.acquire() as connection, connection.transaction():
        assert await tracks.make_again(connection, await row(pool, track_id), GENERATE)
        assert len(await tracks.enqueue(connection, asset_id)) == 1
    step, track = await claimed(pool)
    async with pool.acquire() as connection, connection.transaction():
        changed = await tracks.change(connection, track, reviewed=True)
    assert changed is not None
    assert (changed.status, changed.reviewed) == (TrackStatus.READY, True)
    assert await state_of(pool, step) == "dead"
    async with pool.acquire() as connection, connection.transaction():
        assert await tracks.finish(connection, track, {"text": "new"}, HEARD) is None
    assert (await row(pool, track_id)).made == {"text": "old", "upload": "a"}
    # Of what has no text yet there is nothing to vouch for.
    other = await row(pool, await wish(pool, asset_id, TrackSource.GENERATED, GENERATE))
    async with pool.acquire() as connection, connection.transaction():
        changed = await tracks.change(connection, other, reviewed=True)
    assert changed is not None
    assert changed.status is TrackStatus.QUEUED


async def test_a_track_is_added_while_the_step_of_another_ends(pool: Pool) -> None:
    """Who adds a track holds the asset, and a worker that has ended a step wants it: neither waits for the other."""
    asset_id = await new_asset(pool)
    await wish(pool, asset_id, TrackSource.GENERATED, GENERATE)
    await publish(pool, asset_id, "a")
    step, track = await claimed(pool)
    async with asyncio.timeout(10), pool.acquire() as worker, worker.transaction():
        await steps.finish(worker, step, StepState.DONE)
        async with pool.acquire() as person, person.transaction():
            await tracks.insert(
                person,
                asset_id,
                kind=TrackKind.SUBTITLES,
                language="sv",
                name=None,
                source=TrackSource.GENERATED,
                wanted={"generate": {"language": "sv", "profile": None}},
                made=None,
            )
            owed = await tracks.enqueue(person, asset_id)
        assert [kind for step_id, kind in owed if step_id is not None] == [StepKind.TRANSCRIBE]
        assert await tracks.finish(worker, track, {"text": "heard"}, HEARD) is not None


async def test_a_person_never_waits_for_a_worker_that_waits_for_her(pool: Pool) -> None:
    """While a step is being ended, its track is written: the person's words stay, and neither waits for ever."""
    asset_id = await new_asset(pool)
    track_id = await wish(pool, asset_id, TrackSource.GENERATED, GENERATE)
    await publish(pool, asset_id, "a")
    step, track = await claimed(pool)
    async with asyncio.timeout(10 * runs.patience()), pool.acquire() as worker, worker.transaction():
        await steps.finish(worker, step, StepState.DONE)
        async with pool.acquire() as person, person.transaction():
            assert await tracks.change(person, track, made={"text": "hers"}) is not None
            await tracks.changed(person, asset_id, TrackReady, track_id)
        assert await tracks.finish(worker, track, {"text": "heard"}, HEARD) is None
    now = await row(pool, track_id)
    assert (now.made, now.source) == ({"text": "hers"}, TrackSource.EDITED)
    assert await state_of(pool, step) == "done"
    # And where it is wanted again meanwhile, the step of before does not make it.
    async with pool.acquire() as connection, connection.transaction():
        assert await tracks.make_again(connection, now, GENERATE)
        assert await tracks.finish(connection, track, {"text": "heard"}, HEARD) is None
