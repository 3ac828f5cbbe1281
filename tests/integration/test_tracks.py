"""Tracks over HTTP: subtitles and dubs that are added to a title, and that its next revision carries them. And, on a
database alone, whose words they are when uploads, people and workers change them at the same time."""

import asyncio
import re
import subprocess
import time
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from core.db import assets, publication, steps, tracks
from core.db.postgres import Pool
from core.db.publication import TitleRows
from core.db.steps import Step
from core.db.tracks import Found, Track, TrackId, TrackKind, TrackSource, TrackStatus
from core.model import AssetId, RevisionId, StepKind, StepState, new_id
from core.sandbox.child import ChildRunner
from core.settings import Settings
from core.storage.s3 import Storage
from tests import runs
from tests.database import new_asset
from tests.media import FFMPEG, generate
from tests.stack import PLAIN, Stack
from tests.web import fetch
from workers.engine.contract import ClaimedStep, WorkerContext
from workers.engine.memory_budget import MemoryBudget
from workers.engine.sources import Sources
from workers.steps.translate import translate
from workers.title import belongs_to_upload

WITHIN_S = 60
VTT = "WEBVTT\n\n00:01.000 --> 00:03.500\nHello & welcome\n\n00:05.000 --> 00:06.000\nBye\n"
SRT = "1\n00:00:01,000 --> 00:00:03,500\nGuten <i>Tag</i>\n"


@pytest.fixture(scope="module")
async def asset(stack: Stack, clip: Path) -> Any:
    asset_id = await stack.upload(clip, ladder="apple", effort="economy", language="en")
    return await stack.wait(asset_id, "ready")


async def multivariant_with(asset: Any, wanted: str, *, there: bool = True) -> str:
    """The playlist once it has (or has no more) what is wanted."""
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while True:
        text = (await fetch(asset["playback_url"])).body.decode()
        if (wanted in text) is there:
            return text
        assert time.monotonic() < deadline, text
        await asyncio.sleep(0.2)


def line_with(text: str, wanted: str) -> dict[str, str]:
    """The attributes of the one EXT-X-MEDIA line that has it."""
    (line,) = [line for line in text.splitlines() if line.startswith("#EXT-X-MEDIA") and wanted in line]
    return {name: value.strip('"') for name, value in re.findall(r'([A-Z0-9-]+)=("[^"]*"|[^,]*)', line)}


async def add(stack: Stack, asset: Any, **wanted: Any) -> Any:
    status, body = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=wanted)
    assert status == 201, body
    return body["data"]


async def test_subtitles_are_written_edited_and_removed(stack: Stack, asset: Any) -> None:
    before = (await fetch(asset["playback_url"])).body.decode()
    track = await add(stack, asset, kind="subtitles", language="en", text=VTT)
    assert (track["status"], track["name"], track["generated"]) == ("ready", "English", False)
    text = await multivariant_with(asset, "TYPE=SUBTITLES")
    said = line_with(text, "TYPE=SUBTITLES")
    assert (said["LANGUAGE"], said["NAME"], said["AUTOSELECT"], said["DEFAULT"], said["FORCED"]) == (
        *("en", "English"),
        *("YES", "NO", "NO"),
    )
    assert all('SUBTITLES="' in line for line in text.splitlines() if line.startswith("#EXT-X-STREAM-INF"))
    playlist_url = urljoin(asset["playback_url"], said["URI"])
    playlist = (await fetch(playlist_url)).body.decode()
    segments = [urljoin(playlist_url, line) for line in playlist.splitlines() if line and not line.startswith("#")]
    assert sum(map(Fraction, re.findall(r"#EXTINF:([0-9.]+)", playlist))) == Fraction(7007, 1000)
    shown = (await fetch(segments[0])).body.decode()
    assert "X-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000" in shown
    assert "Hello &amp; welcome" in shown or "Hello & welcome" in shown
    # The media of before is not made again.
    assert before.count("#EXT-X-STREAM-INF") == text.count("#EXT-X-STREAM-INF")

    path = f"/v1/assets/{asset['id']}/tracks/{track['id']}"
    _, body = await stack.api("GET", path)
    assert body["data"]["text"].startswith("WEBVTT")
    _, body = await stack.api("GET", f"{path}?text_format=srt")
    assert body["data"]["text"].startswith("1\n00:00:0") and "Hello & welcome" in body["data"]["text"]
    assert (await stack.api("GET", f"{path}?text_format=ass"))[0] == 422
    assert (await stack.api("PUT", path, json={"text": SRT}))[0] == 428
    assert (await stack.api("PUT", path, json={"text": SRT}, headers={"If-Match": '"7"'}))[0] == 412
    changes = {"text": SRT, "language": "de", "name": "Deutsch"}
    status, body = await stack.api("PUT", path, json=changes, headers={"If-Match": '"1"'})
    assert (status, body["data"]["language"]) == (200, "de")
    text = await multivariant_with(asset, 'LANGUAGE="de"')
    said = line_with(text, "TYPE=SUBTITLES")
    playlist_url = urljoin(asset["playback_url"], said["URI"])
    first = next(line for line in (await fetch(playlist_url)).body.decode().splitlines() if line.endswith(".vtt"))
    assert "Guten <i>Tag</i>" in (await fetch(urljoin(playlist_url, first))).body.decode()
    assert (await stack.api("DELETE", path, headers={"If-Match": '"1"'}))[0] == 412
    assert (await stack.api("DELETE", path))[0] == 204
    await multivariant_with(asset, "TYPE=SUBTITLES", there=False)
    assert (await stack.api("GET", path))[0] == 404


@pytest.mark.parametrize(
    ("wanted", "code", "pointer"),
    [
        ({"kind": "subtitles", "language": "en", "text": "hello"}, "not_captions", "/text"),
        ({"kind": "subtitles", "language": "en", "text": VTT.replace("-->", "->")}, "not_captions", "/text"),
        ({"kind": "subtitles", "language": "en"}, "invalid", ""),
        ({"kind": "subtitles", "language": "en", "text": VTT, "input_url": "https://a.test/"}, "invalid", ""),
        ({"kind": "audio", "language": "en", "text": VTT}, "invalid", ""),
        ({"kind": "audio", "language": "en", "input_url": "http://127.0.0.1/a"}, "input_url_refused", "/input_url"),
        ({"kind": "subtitles", "language": "e n", "text": VTT}, "invalid", "/language"),
        ({"kind": "subtitles", "language": "en", "name": 'a"b', "text": VTT}, "invalid", "/name"),
    ],
)
async def test_what_is_no_track_is_refused(
    stack: Stack, asset: Any, wanted: dict[str, Any], code: str, pointer: str
) -> None:
    status, problem = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=wanted)
    assert (status, problem["code"], problem["pointer"]) == (422, code, pointer)
    if code == "not_captions":
        assert "Line" in problem["detail"] or "ine" in problem["hint"]


async def test_captions_that_begin_at_an_hour_are_moved_to_the_title(stack: Stack, asset: Any) -> None:
    late = SRT.replace("00:00:0", "10:00:0")
    assert late != SRT
    track = await add(stack, asset, kind="subtitles", language="sv", text=late)
    assert [warning["code"] for warning in track["warnings"]] == ["cues_moved"]
    path = f"/v1/assets/{asset['id']}/tracks/{track['id']}"
    _, body = await stack.api("GET", path)
    assert "\n00:00:0" in body["data"]["text"]
    assert "10:00:0" not in body["data"]["text"]
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}")
    assert "cues_moved" in {warning["code"] for warning in body["data"]["warnings"]}
    outside = {"kind": "subtitles", "language": "sv", "text": SRT.replace("00:00:0", "00:30:0")}
    status, problem = await stack.api("POST", f"/v1/assets/{asset['id']}/tracks", json=outside)
    assert (status, problem["code"], problem["pointer"]) == (422, "cues_outside", "/text")
    assert (await stack.api("DELETE", path))[0] == 204


async def test_forced_subtitles_are_told_from_full_ones(stack: Stack, asset: Any) -> None:
    forced = await add(stack, asset, kind="subtitles", language="da", name="Skilte", text=SRT, forced=True)
    full = await add(stack, asset, kind="subtitles", language="da", name="Dansk", text=SRT)
    assert (forced["forced"], full["forced"]) == (True, False)
    text = await multivariant_with(asset, 'NAME="Dansk"')
    assert (line_with(text, "Skilte")["FORCED"], line_with(text, "Dansk")["FORCED"]) == ("YES", "NO")
    assert text.index('NAME="Dansk"') < text.index('NAME="Skilte"'), "the full text is offered first"
    path = f"/v1/assets/{asset['id']}/tracks/{forced['id']}"
    status, body = await stack.api("PUT", path, json={"text": SRT}, headers={"If-Match": forced["etag"]})
    assert (status, body["data"]["forced"]) == (200, True), "what it is does not change with its text"
    for track in (forced, full):
        assert (await stack.api("DELETE", f"/v1/assets/{asset['id']}/tracks/{track['id']}"))[0] == 204
    await multivariant_with(asset, 'LANGUAGE="da"', there=False)


async def test_a_dub_is_as_long_as_the_title(stack: Stack, asset: Any, tmp_path: Path) -> None:
    """From another asset, which is shorter than the title and of another frequency."""
    dub = tmp_path / "dub.m4a"
    generate_sound(dub)
    other = await stack.upload(dub, profile="audio-only", language="fr")
    await stack.wait(other, "ready")
    before = {entry["id"] for entry in await listed(stack, asset)}
    track = await add(stack, asset, kind="audio", language="fr", asset_id=other)
    assert track["status"] in ("queued", "in_progress")
    text = await multivariant_with(asset, 'LANGUAGE="fr"')
    said = line_with(text, 'LANGUAGE="fr"')
    assert (said["TYPE"], said["NAME"], said["DEFAULT"], said["AUTOSELECT"]) == ("AUDIO", "français", "NO", "YES")
    own = line_with(text, 'LANGUAGE="en"')
    assert own["GROUP-ID"] == said["GROUP-ID"]
    lengths = []
    for attributes in (own, said):
        playlist = (await fetch(urljoin(asset["playback_url"], attributes["URI"]))).body.decode()
        lengths.append(sum(map(Fraction, re.findall(r"#EXTINF:([0-9.]+)", playlist))))
    assert lengths[0] == lengths[1]
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}")
    (shown,) = [entry for entry in body["data"]["tracks"] if entry["id"] == track["id"]]
    assert shown["status"] == "ready"
    assert {entry["id"] for entry in await listed(stack, asset)} - before == {track["id"]}


async def listed(stack: Stack, asset: Any) -> Any:
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}/tracks")
    return body["data"]


async def test_a_dub_without_sound_is_told_of_the_track_only(stack: Stack, asset: Any, tmp_path: Path) -> None:
    silent = tmp_path / "silent.mp4"
    generate(silent, "testsrc2=size=64x64:rate=25:duration=1")
    other = await stack.upload(silent, **PLAIN)
    await stack.wait(other, "ready")
    track = await add(stack, asset, kind="audio", language="it", asset_id=other)
    deadline = time.monotonic() + WITHIN_S * runs.patience()
    while (entry := await one(stack, asset, track))["status"] in ("queued", "in_progress"):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)
    assert (entry["status"], entry["error"]["code"]) == ("errored", "no_audio")
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}")
    assert (body["data"]["status"], body["data"]["error"]) == ("ready", None)


async def one(stack: Stack, asset: Any, track: Any) -> Any:
    _, body = await stack.api("GET", f"/v1/assets/{asset['id']}/tracks/{track['id']}")
    return body["data"]


async def test_tracks_of_a_title_that_is_still_being_made(stack: Stack, tiny: Path) -> None:
    """Added before it is ready, in its first revision or the one after."""
    asset_id = await stack.upload(tiny, **PLAIN)
    _, body = await stack.api("GET", f"/v1/assets/{asset_id}")
    await add(stack, body["data"], kind="captions", language="en", text=VTT)
    await add(stack, body["data"], kind="audio", language="sv", asset_id=asset_id)
    asset = await stack.wait(asset_id, "ready")
    text = await multivariant_with(asset, "TYPE=SUBTITLES")
    assert line_with(text, "TYPE=SUBTITLES")["LANGUAGE"] == "en"
    text = await multivariant_with(asset, 'LANGUAGE="sv"')
    assert line_with(text, 'LANGUAGE="sv"')["TYPE"] == "AUDIO"


async def test_another_owners_tracks_are_not_there(stack: Stack, asset: Any) -> None:
    for path in ("tr_0", "tr_01h455vb4pex5vsknk084sn02q"):
        assert (await stack.api("GET", f"/v1/assets/{asset['id']}/tracks/{path}"))[0] == 404


def generate_sound(path: Path) -> None:
    subprocess.run(
        [FFMPEG, "-v", "error", "-y", "-f", "lavfi", "-i", "sine=frequency=880:duration=3", "-c:a", "aac", str(path)],
        check=True,
        timeout=60,
    )


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
    outcome = await translate(tools_with(pool, tmp_path), work)
    assert outcome.on_commit is not None
    async with pool.acquire() as connection, connection.transaction():
        await outcome.on_commit(connection)
    now = await row(pool, translated)
    assert now.status is TrackStatus.SKIPPED
    assert now.error is not None
    assert now.error["code"] == "no_original"


def tools_with(pool: Pool, folder: Path) -> WorkerContext:
    return WorkerContext(
        settings=Settings(),
        pool=pool,
        storage=Storage(None, None),
        runner=ChildRunner((), {}),
        sources=Sources(folder / "sources", 1),
        ffmpeg="",
        ffmpeg_version="",
        codecs=frozenset(),
        memory=MemoryBudget(1),
    )


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
            await tracks.changed(person, asset_id, "video.track.ready", track_id)
        assert await tracks.finish(worker, track, {"text": "heard"}, HEARD) is None
    now = await row(pool, track_id)
    assert (now.made, now.source) == ({"text": "hers"}, TrackSource.EDITED)
    assert await state_of(pool, step) == "done"
    # And where it is wanted again meanwhile, the step of before does not make it.
    async with pool.acquire() as connection, connection.transaction():
        assert await tracks.make_again(connection, now, GENERATE)
        assert await tracks.finish(connection, track, {"text": "heard"}, HEARD) is None
