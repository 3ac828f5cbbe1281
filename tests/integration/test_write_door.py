"""The write door in full: resume, abort, expiry, idempotency, deletion, retry, reprocess, replacement, events."""

import asyncio
import io
import json
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp import web

from benchmarks.harness.clips import unlike
from core.settings import Settings
from core.storage import s3
from core.storage.s3 import Storage
from tests import runs
from tests.media import generate
from tests.playback import check_playback
from tests.stack import PLAIN, Stack
from tests.waiting import until

PART = 64 * 1024


@pytest.fixture(scope="module")
async def door(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack with small parts, a key for storage events, and a private network that may be pulled from."""
    env = {
        "KADR_PART_SIZE_BYTES": str(PART),
        "KADR_STORAGE_EVENTS_KEY": "events-key",
        "KADR_INPUT_URL_NETWORKS": "127.0.0.1/32",
    }
    stack = Stack(tmp_path_factory.mktemp("door") / "home", env=env)
    await stack.start()
    yield stack
    assert await stack.stop() == 0


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds that encode at once, in about five parts."""
    path = tmp_path_factory.mktemp("clips") / "short.mp4"
    generate(path, "testsrc2=size=320x240:rate=25:duration=2", "sine=duration=2", "-b:v", "1M")
    assert path.stat().st_size > 3 * PART
    return path


@pytest.fixture
async def stored(door: Stack) -> AsyncIterator[tuple[Storage, Settings]]:
    secrets = json.loads((door.home / "secrets.json").read_text())
    settings = Settings(
        s3_url=door.endpoints["s3"], s3_access_key=secrets["s3_access_key"], s3_secret_key=secrets["s3_secret_key"]
    )
    async with s3.connect(settings) as connected:
        yield connected, settings


async def create(stack: Stack, file: Path, **wanted: Any) -> Any:
    body = {"filename": file.name, "size_bytes": file.stat().st_size, **wanted}
    status, answer = await stack.api("POST", "/v1/uploads", json=body)
    assert status == 201, answer
    return answer["data"]


async def put(file: Path, upload: Any, *numbers: int) -> None:
    async with aiohttp.ClientSession() as session:
        for part in upload["parts"]:
            if part["number"] in numbers or not numbers:
                with file.open("rb") as opened:
                    opened.seek((part["number"] - 1) * upload["part_size_bytes"])
                    body = io.BytesIO(opened.read(part["size_bytes"]))
                async with session.put(part["url"], data=body) as answer:
                    assert answer.status == 200


async def row(stack: Stack, query: str, *values: Any) -> Any:
    connection = await asyncpg.connect(stack.endpoints["database_url"])
    try:
        return await connection.fetchrow(query, *values)
    finally:
        await connection.close()


async def execute(stack: Stack, query: str, *values: Any) -> None:
    await row(stack, query + " RETURNING 1", *values)


async def test_an_upload_resumes_after_everything_was_killed(door: Stack, short: Path) -> None:
    upload = await create(door, short)
    await put(short, upload, 1, 2)
    await door.kill_everything()
    await door.start()
    status, body = await door.api("POST", f"/v1/uploads/{upload['id']}/complete")
    assert (status, body["code"]) == (422, "size_mismatch")
    status, body = await door.api("GET", f"/v1/uploads/{upload['id']}")
    again = body["data"]
    assert [part["arrived"] for part in again["parts"]] == [True, True, *[False] * (len(again["parts"]) - 2)]
    assert [bool(part["url"]) for part in again["parts"]] == [not part["arrived"] for part in again["parts"]]
    await put(short, again, *(part["number"] for part in again["parts"] if not part["arrived"]))
    status, _ = await door.api("POST", f"/v1/uploads/{upload['id']}/complete")
    assert status == 202
    asset = await door.wait(upload["asset_id"])
    assert asset["status"] == "ready"
    await check_playback(asset)


async def test_thirty_creates_with_one_key_make_one_asset(door: Stack, short: Path) -> None:
    body = {"filename": "x.mp4", "size_bytes": 100, "ref": "test:idempotent"}
    headers = {"Idempotency-Key": "thirty"}
    answers = await asyncio.gather(*(door.api("POST", "/v1/uploads", json=body, headers=headers) for _ in range(30)))
    assert {status for status, _ in answers} == {201}
    assert len({answer["data"]["asset_id"] for _, answer in answers}) == 1
    _, listed = await door.api("GET", "/v1/assets?ref=test:idempotent")
    assert len(listed["data"]) == 1
    status, problem = await door.api("POST", "/v1/uploads", json={**body, "size_bytes": 101}, headers=headers)
    assert (status, problem["code"]) == (422, "idempotency_key_reused")
    _, replay = await door.api("POST", "/v1/uploads", json=body, headers=headers)
    assert replay["data"]["parts"][0]["url"].startswith("http")


async def test_abort_removes_parts_and_the_waiting_asset(
    door: Stack, short: Path, stored: tuple[Storage, Settings]
) -> None:
    connected, settings = stored
    upload = await create(door, short)
    await put(short, upload, 1)
    for _ in range(2):
        assert (await door.api("DELETE", f"/v1/uploads/{upload['id']}"))[0] == 204
    assert (await door.api("GET", f"/v1/assets/{upload['asset_id']}"))[0] == 404
    status, problem = await door.api("POST", f"/v1/uploads/{upload['id']}/complete")
    assert (status, problem["code"]) == (409, "upload_aborted")

    async def gone() -> bool:
        return [e async for e in connected.list(settings.uploads_bucket, f"uploads/{upload['id']}/")] == []

    await until(gone)


async def test_an_expired_upload_is_swept_and_a_complete_one_is_saved(door: Stack, short: Path) -> None:
    half, whole = await create(door, short), await create(door, short)
    await put(short, half, 1)
    await put(short, whole)
    for upload in (half, whole):
        await execute(door, "UPDATE uploads SET expires_at = now() - interval '1 second' WHERE id = $1", upload["id"])

    async def expired() -> bool:
        _, body = await door.api("GET", f"/v1/uploads/{half['id']}")
        return bool(body["data"]["status"] == "expired")

    await until(expired)
    assert (await door.api("GET", f"/v1/assets/{half['asset_id']}"))[0] == 404
    assert (await door.wait(whole["asset_id"]))["status"] == "ready"


async def test_a_part_that_arrives_after_the_sweep_is_removed_as_well(
    door: Stack, short: Path, stored: tuple[Storage, Settings]
) -> None:
    """A PUT may begin before its URL expires and end after the upload was swept."""
    connected, settings = stored
    upload = await create(door, short)
    expire = "UPDATE uploads SET expires_at = now() - $2::interval WHERE id = $1"
    await execute(door, expire, upload["id"], timedelta(seconds=1))

    async def expired() -> bool:
        return bool((await door.api("GET", f"/v1/uploads/{upload['id']}"))[1]["data"]["status"] == "expired")

    async def gone() -> bool:
        return [e async for e in connected.list(settings.uploads_bucket, f"uploads/{upload['id']}/")] == []

    await until(expired)
    for later in (timedelta(hours=2), timedelta(days=8)):
        await put(short, upload, 1)  # a sweep that is under way may find it at once
        await execute(door, expire, upload["id"], later)
        await execute(door, "UPDATE uploads SET swept_at = expires_at + '1 minute' WHERE id = $1", upload["id"])
        await until(gone)


async def test_a_storage_event_completes_an_upload_whose_parts_are_all_there(door: Stack, short: Path) -> None:
    upload = await create(door, short)
    await put(short, upload, 1)
    event = {"Records": [{"s3": {"object": {"key": f"uploads/{upload['id']}/00001", "size": 1}}}]}
    url = "/storage/events"
    assert (await door.api("POST", url, json=event, key="wrong"))[0] == 401
    assert (await door.api("POST", url, json=event, key="events-key"))[0] == 204
    assert (await door.api("GET", f"/v1/uploads/{upload['id']}"))[1]["data"]["status"] == "open"
    await put(short, upload)
    assert (await door.api("POST", url, json=event, key="events-key"))[0] == 204
    assert (await door.wait(upload["asset_id"]))["status"] == "ready"


async def test_delete_revokes_playback_and_removes_every_object(
    door: Stack, short: Path, stored: tuple[Storage, Settings], tmp_path: Path
) -> None:
    connected, settings = stored
    own = tmp_path / "own.mp4"  # a source that no other asset has
    own.write_bytes(unlike(short.read_bytes()))
    asset = await door.wait(await door.upload(own, **PLAIN))
    prefix = f"assets/{asset['id']}/"
    assert [entry async for entry in connected.list(settings.media_bucket, prefix)]
    await check_playback(asset)  # the origin keeps what it has sent
    source = (await row(door, "SELECT source_sha256 FROM assets WHERE id = $1", asset["id"]))["source_sha256"]

    def in_caches() -> set[str]:
        """Files of the asset on the disks of the worker and the origin."""
        # Not rglob, which fails where a folder is removed while it looks.
        found = ((Path(folder), names) for folder, _, names in os.walk(door.home))
        files = {name for folder, names in found if "s3" not in folder.parts for name in names}
        return {name for name in files if name == source or name.startswith(f"{asset['id']}.")}

    assert len(in_caches()) > 2
    assert source in in_caches()
    assert (await door.api("DELETE", f"/v1/assets/{asset['id']}"))[0] == 204
    assert (await door.api("GET", f"/v1/assets/{asset['id']}"))[0] == 404

    async def refused() -> bool:
        async with aiohttp.ClientSession() as session, session.get(asset["playback_url"]) as answer:
            return answer.status == 410

    async def gone() -> bool:
        return [entry async for entry in connected.list(settings.media_bucket, prefix)] == []

    async def forgotten() -> bool:
        return in_caches() == set()

    for ended in (refused, gone, forgotten):
        await until(ended)
    _, listed = await door.api("GET", "/v1/assets")
    assert asset["id"] not in {entry["id"] for entry in listed["data"]}


async def test_delete_in_mid_encode_stops_the_work(door: Stack, tmp_path: Path) -> None:
    slow = tmp_path / "slow.mp4"
    generate(slow, "testsrc2=size=1280x720:rate=30:duration=8,setsar=4/3", None)
    asset_id = await door.upload(slow, ladder="apple")
    await door.wait_step(asset_id, "encode")
    assert (await door.api("DELETE", f"/v1/assets/{asset_id}"))[0] == 204

    async def no_encoder() -> bool:
        return not door.running("-progress")

    await until(no_encoder)


async def test_retry_of_an_errored_asset_begins_again(door: Stack, tmp_path: Path) -> None:
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"nothing like a video" * 100)
    asset_id = await door.upload(junk)
    asset = await door.wait(asset_id)
    assert asset["error"]["code"] == "not_media"
    status, body = await door.api("POST", f"/v1/assets/{asset_id}/retry")
    assert (status, body["data"]["status"]) == (202, "processing")
    assert body["data"]["error"] is None
    assert (await door.wait(asset_id, "errored"))["error"]["code"] == "not_media"


async def put_off_first_sound(stack: Stack, asset_id: str) -> None:
    """Leave the asset a first_sound that is put off, as after a read that storage cut short."""
    await execute(stack, "DELETE FROM steps WHERE asset_id = $1 AND kind = 'first_sound'", asset_id)
    query = """
        INSERT INTO steps (id, asset_id, owner_id, kind, input_hash, input, due_at)
        SELECT 'st_' || asset_id, asset_id, owner_id, 'first_sound', input_hash, input, now() + interval '1 hour'
        FROM steps WHERE asset_id = $1 AND kind = 'publish'
    """
    await execute(stack, query, asset_id)


async def test_reprocess_and_replace_keep_playback_ids_and_play_on(door: Stack, short: Path, tmp_path: Path) -> None:
    asset = await door.wait(await door.upload(short, **PLAIN))
    await put_off_first_sound(door, asset["id"])
    assert (await door.api("POST", f"/v1/assets/{asset['id']}/retry"))[0] == 409
    status, body = await door.api("POST", f"/v1/assets/{asset['id']}/reprocess", json={"effort": "economy"})
    assert (status, body["data"]["status"]) == (202, "playable")
    assert body["data"]["playback_url"] == asset["playback_url"]
    assert (await door.api("POST", f"/v1/assets/{asset['id']}/reprocess"))[1]["code"] == "busy"
    again = await door.wait(asset["id"], "ready")
    assert again["renditions"] != asset["renditions"]
    await check_playback(again)

    other = tmp_path / "other.mp4"
    generate(other, "testsrc=size=426x240:rate=30:duration=1", None)
    body = {"filename": "other.mp4", "size_bytes": other.stat().st_size}
    _, answer = await door.api("POST", f"/v1/assets/{asset['id']}/source", json=body)
    await put(other, answer["data"])
    await door.api("POST", f"/v1/uploads/{answer['data']['id']}/complete")
    replaced = await door.wait(asset["id"], "ready")
    assert replaced["playback_ids"] == asset["playback_ids"]
    assert replaced["duration_s"] == 1.0
    assert [warning["code"] for warning in replaced["warnings"]] == ["no_audio"]
    await check_playback(replaced)

    # The same bytes once more are a run of their own, not a step that was done long ago.
    _, answer = await door.api("POST", f"/v1/assets/{asset['id']}/source", json=body)
    await put(other, answer["data"])
    await door.api("POST", f"/v1/uploads/{answer['data']['id']}/complete")
    await door.wait(asset["id"], "ready")


async def test_a_replacement_that_is_broken_leaves_the_old_one_playing(
    door: Stack, short: Path, tmp_path: Path
) -> None:
    asset = await door.wait(await door.upload(short, **PLAIN))
    junk = tmp_path / "junk.mp4"
    junk.write_bytes(b"no video" * 100)
    body = {"filename": "junk.mp4", "size_bytes": junk.stat().st_size}
    _, answer = await door.api("POST", f"/v1/assets/{asset['id']}/source", json=body)
    await put(junk, answer["data"])
    await door.api("POST", f"/v1/uploads/{answer['data']['id']}/complete")

    async def told() -> bool:
        _, body = await door.api("GET", f"/v1/assets/{asset['id']}")
        return body["data"]["error"] is not None

    await until(told)
    _, body = await door.api("GET", f"/v1/assets/{asset['id']}")
    assert (body["data"]["status"], body["data"]["error"]["code"]) == ("ready", "not_media")
    await check_playback(body["data"])


async def test_patch_and_filters(door: Stack) -> None:
    made = []
    for number in range(3):
        body = {"filename": f"{number}.mp4", "size_bytes": 5, "title": f"Kettle {number}", "ref": "kettle:1"}
        made.append((await door.api("POST", "/v1/uploads", json=body))[1]["data"]["asset_id"])
    path = f"/v1/assets/{made[0]}"
    status, body = await door.api("PATCH", path, json={"title": "Samovar", "ref": {"type": "samovar", "id": "1"}})
    assert (status, body["data"]["title"], body["data"]["ref"]) == (200, "Samovar", {"type": "samovar", "id": "1"})
    assert (await door.api("PATCH", path, json={"ref": None}))[1]["data"]["ref"] is None
    assert (await door.api("PATCH", path, json={"status": "ready"}))[1]["code"] == "unknown_field"

    async def listed(query: str) -> set[str]:
        return {entry["id"] for entry in (await door.api("GET", f"/v1/assets?{query}"))[1]["data"]}

    assert await listed("ref=kettle:1") == set(made[1:])
    assert await listed("q=kETTLE%202") == {made[2]}
    assert made[0] not in await listed("status=ready")
    assert (await door.api("GET", "/v1/assets?status=burnt"))[0] == 422
    assert (await door.api("GET", "/v1/assets?colour=red"))[1]["code"] == "unknown_field"


async def test_a_removed_playback_id_starts_no_session(door: Stack, short: Path) -> None:
    asset = await door.wait(await door.upload(short, **PLAIN))
    _, made = await door.api("POST", f"/v1/assets/{asset['id']}/playback_ids", json={"policy": "signed"})
    path = f"/v1/assets/{asset['id']}/playback_ids/{made['data']['id']}"
    assert (await door.api("DELETE", path))[0] == 204
    assert (await door.api("DELETE", path))[0] == 404
    assert (await door.api("POST", f"/v1/playback_ids/{made['data']['id']}/token"))[0] == 404


async def test_the_event_stream_tells_progress_and_ends(door: Stack, short: Path) -> None:
    upload = await create(door, short)
    headers = {"Authorization": f"Bearer {door.endpoints['api_key']}"}
    url = f"{door.endpoints['api']}/v1/assets/{upload['asset_id']}/events"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        await put(short, upload)
        await door.api("POST", f"/v1/uploads/{upload['id']}/complete")
        async with asyncio.timeout(60 * runs.patience()):
            text = (await stream.content.read()).decode()
    events = [dict(line.split(": ", 1) for line in block.splitlines()) for block in text.split("\n\n") if block]
    kinds = [event["event"] for event in events if "event" in event]
    assert kinds[0] == "video.asset.created"
    assert "video.asset.ready" in kinds
    progress = [json.loads(event["data"])["progress"] for event in events if event.get("event") == "progress"]
    assert progress == sorted(progress)
    assert progress[-1] == 1.0
    ready = next(event for event in events if event["event"] == "video.asset.ready")
    assert json.loads(ready["data"])["object"] == {"type": "asset", "id": upload["asset_id"]}
    # Resumed after the last event there is nothing left to tell but the state.
    async with aiohttp.ClientSession(headers={**headers, "Last-Event-ID": ready["id"]}) as session:
        async with session.get(url) as stream:
            assert "video.asset" not in (await stream.content.read()).decode()
    for no_number in ("\u00b2", "-1", "1" * 30, "x"):  # as if there were none
        async with aiohttp.ClientSession(headers={**headers, "Last-Event-ID": no_number}) as session:
            async with session.get(url) as stream:
                assert stream.status == 200
                assert "video.asset.ready" in (await stream.content.read()).decode()


async def test_events_reach_the_log(door: Stack) -> None:
    upload = (await door.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 1}))[1]["data"]

    async def logged() -> bool:
        logs = "".join(path.read_text() for path in (door.home / "logs").glob("worker-*.log"))
        return '"event": "video.upload.created"' in logs and upload["id"] in logs

    assert await until(logged)


async def test_metrics_of_doors_and_worker(door: Stack, short: Path) -> None:
    """Each on a port of its own, and on no public one."""
    await door.wait(await door.upload(short, **PLAIN))
    texts = {}
    async with aiohttp.ClientSession() as session:
        for name in ("api", "origin", "worker"):
            async with session.get(door.endpoints["metrics"][name]) as answer:
                texts[name] = await answer.text()
        for name in ("api", "origin"):
            async with session.get(f"{door.endpoints[name]}/metrics") as answer:
                assert answer.status == 404
    assert 'kadr_http_requests_total{door="api",method="POST",route="/v1/uploads",status="201"}' in texts["api"]
    assert "kadr_oldest_due_step_seconds" in texts["api"]
    assert "kadr_http_request_seconds_bucket" in texts["origin"]
    assert 'kadr_step_seconds_count{kind="encode",outcome="done"}' in texts["worker"]
    assert 'kadr_bytes_total{what="accepted"}' in texts["worker"]
    assert "kadr_lease_reclaims_total" in texts["worker"]


async def test_a_pull_from_a_url_becomes_an_asset(door: Stack, short: Path) -> None:
    """From an allowed network here; what is not public and not allowed is refused at the door, or by the worker."""

    async def film(_: web.Request) -> web.FileResponse:
        return web.FileResponse(short)

    async def elsewhere(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://127.0.0.2:9/"})

    app = web.Application()
    app.router.add_get("/film.mp4", film)
    app.router.add_get("/elsewhere", elsewhere)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    base = site.name
    status, body = await door.api("POST", "/v1/assets", json={"input_url": f"{base}/film.mp4", "title": "Pulled"})
    assert status == 202, body
    _, moved = await door.api("POST", "/v1/assets", json={"input_url": f"{base}/elsewhere"})
    _, missing = await door.api("POST", "/v1/assets", json={"input_url": f"{base}/none.mp4"})
    for url in (
        "http://169.254.169.254/",
        "http://[::ffff:127.0.0.2]/",
        "http://10.0.0.1/a.mp4",
        "ftp://example.com/a",
    ):
        status, problem = await door.api("POST", "/v1/assets", json={"input_url": url})
        assert (status, problem["code"]) in {(422, "input_url_refused"), (422, "invalid")}, url
    asset = await door.wait(body["data"]["id"])
    assert (asset["status"], asset["title"]) == ("ready", "Pulled")
    await check_playback(asset)
    assert (await door.wait(moved["data"]["id"]))["error"]["code"] == "input_url_refused"
    assert (await door.wait(missing["data"]["id"]))["error"]["code"] == "input_url_failed"
    await runner.cleanup()
