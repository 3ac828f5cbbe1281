"""The Python client against the running stack, and the example application that is built on it.

One video goes the whole way: a teacher's page asks the example for an upload token, the upload is killed and goes on,
`kadr listen` brings the events to the example, and a pupil gets a page with a token that plays.
"""

import asyncio
import base64
import json
import shutil
import signal
import sqlite3
import struct
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Browser
from standardwebhooks import Webhook

import studio
from core.settings import MIB
from core.tokens import webhook_signature
from kadr_client import ApiError, AssetErrored, Kadr, sign_webhook
from tests import runs
from tests.checks import ROOT
from tests.lone_origin import free_port
from tests.stack import Stack, as_owner, up_env
from tests.waiting import until
from tests.web import fetch

EXAMPLE = ROOT / "docs" / "examples" / "fastapi"
PART_BYTES = 16 * MIB
SECRET = webhook_signature.new_secret()
TEACHER, PUPIL = "teacher:chalk", "ann:apple"
WITHIN_S = 60
UPLOAD = """
import asyncio, signal, sys
from kadr_client import Kadr

url, token, file, state, enough = sys.argv[1:]

def stop(sent, size):
    if sent > int(enough):
        print("enough", flush=True)
        signal.pause()

async def main():
    async with Kadr(url, token) as kadr:
        await kadr.upload(file, state_file=state, parallel=1, on_progress=stop)

asyncio.run(main())
"""


@pytest.fixture(scope="module")
async def owner(stack: Stack) -> Stack:
    return await as_owner(stack, "pyclient")


@pytest.fixture
async def kadr(owner: Stack) -> AsyncIterator[Kadr]:
    async with Kadr(owner.endpoints["api"], owner.endpoints["api_key"]) as client:
        yield client


@pytest.fixture
def large(tiny: Path, tmp_path: Path) -> Path:
    """A clip in three parts: behind it is a box that players and probes pass over (ISO/IEC 14496-12, 8.1.2)."""
    path = tmp_path / "large.mp4"
    shutil.copy(tiny, path)
    size = 2 * PART_BYTES + 1000
    with path.open("ab") as opened:
        opened.write(struct.pack(">I4s", size, b"free"))
        opened.truncate(opened.tell() + size - 8)
    return path


@contextmanager
def program(*argv: str, **options: Any) -> Iterator["subprocess.Popen[str]"]:
    running = subprocess.Popen(
        [sys.executable, *argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # Whatever started the tests may ignore Ctrl-C, as shells do for what they run in the background.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        **options,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


@pytest.fixture
def environment(owner: Stack) -> dict[str, str]:
    return up_env(KADR_API_URL=owner.endpoints["api"], KADR_API_KEY=owner.endpoints["api_key"])


@pytest.fixture
async def school(environment: dict[str, str], owner: Stack, tmp_path: Path) -> AsyncIterator[str]:
    """The example, running; gives its URL."""
    folder = tmp_path / "school"
    (folder / "static").mkdir(parents=True)
    shutil.copy(EXAMPLE / "app.py", folder)
    shutil.copy(studio.FOLDER / "built" / "upload.js", folder / "static")
    url = f"http://127.0.0.1:{(port := free_port())}"
    own = {
        "KADR_SITE_URL": owner.endpoints["site"],
        "KADR_WEBHOOK_SECRET": SECRET,
        "SCHOOL_URL": url,
        "SCHOOL_USERS": f"{TEACHER} {PUPIL}",
    }
    argv = ("-m", "uvicorn", "app:app", "--port", str(port), "--log-level", "warning")
    with program(*argv, cwd=folder, env={**environment, **own}) as running:

        async def status() -> int:
            assert running.poll() is None, running.communicate()
            try:
                return (await fetch(f"{url}/lessons/7")).status
            except aiohttp.ClientConnectionError:
                return 0

        assert await until(status) == 401
        yield url


async def call(method: str, url: str, user: str | None = None, **options: Any) -> tuple[int, str]:
    """(status, text) of one call, signed in with the user's name and password."""
    given = {} if user is None else {"Authorization": f"Basic {base64.b64encode(user.encode()).decode()}"}
    headers = {**given, **options.pop("headers", {})}
    async with aiohttp.ClientSession() as session, session.request(method, url, headers=headers, **options) as answer:
        return answer.status, await answer.text()


def kadr_listen(school: str, environment: dict[str, str]) -> AbstractContextManager["subprocess.Popen[str]"]:
    """`kadr listen`, which brings every event of the account to the example."""
    options = ("--last", "500", "--types", "video.asset.*", "--secret", SECRET)
    argv = ("-m", "kadr", "listen", "--forward", f"{school}/webhooks/kadr", *options)
    return program(*argv, cwd=ROOT, env=environment)


async def test_a_video_from_a_teacher_to_a_pupil(
    kadr: Kadr, owner: Stack, school: str, environment: dict[str, str], large: Path, tmp_path: Path
) -> None:
    with kadr_listen(school, environment) as listening:
        assert (await call("POST", f"{school}/lessons/7/upload-token", PUPIL))[0] == 403
        status, answer = await call("POST", f"{school}/lessons/7/upload-token", TEACHER)
        assert status == 200, answer
        token = json.loads(answer)["token"]

        state = tmp_path / "state.json"
        one_part_and_more = PART_BYTES + MIB
        words = (owner.endpoints["api"], token, str(large), str(state), str(one_part_and_more))
        with program("-c", UPLOAD, *words, env=environment) as uploading:
            assert uploading.stdout is not None
            said = await asyncio.wait_for(asyncio.to_thread(uploading.stdout.readline), WITHIN_S * runs.patience())
            assert said == "enough\n", uploading.communicate()
            uploading.kill()
        shown: list[int] = []
        async with Kadr(owner.endpoints["api"], token) as page:
            asset = await page.upload(large, state_file=state, on_progress=lambda sent, _: shown.append(sent))
        assert shown[0] == PART_BYTES
        assert shown[-1] == large.stat().st_size
        assert not state.exists()
        playable = await kadr.wait(asset["id"], until="playable", timeout_s=WITHIN_S * runs.patience())
        assert (playable["ref"], playable["policy"]) == ({"type": "lesson", "id": "7"}, "signed")

        async def lesson() -> tuple[int, str]:
            return await call("GET", f"{school}/lessons/7", PUPIL)

        _, html = await until(lesson, lambda got: got[0] == 200)
        assert f'playback-id="{playable["playback_ids"][0]["id"]}"' in html
        assert f"{owner.endpoints['site']}/player/1/kadr-player.js" in html
        assert (await fetch(f"{owner.endpoints['site']}/player/1/kadr-player.js")).status == 200
        listening.send_signal(signal.SIGINT)
        out, err = await asyncio.to_thread(listening.communicate, timeout=WITHIN_S)
    assert (listening.returncode, err) == (130, "")
    lines = out.splitlines()
    assert [line.split()[1] for line in lines][:2] == ["video.asset.created", "video.asset.playable"]
    assert [line for line in lines if "  -> 204 " not in line] == []

    _, answer = await call("GET", f"{school}/lessons/7/playback-token", PUPIL)
    playback = json.loads(answer)
    played = await fetch(playback["url"])
    assert (played.status, played.body[:7]) == (200, b"#EXTM3U")
    assert f'token="{playback["token"]}"' not in html  # each is for one session
    await the_same_event_twice(kadr, school, tmp_path / "school" / "school.sqlite3")


async def the_same_event_twice(kadr: Kadr, school: str, database: Path) -> None:
    """The example takes it twice and notes it once; what others have signed it refuses."""
    event = await anext(kadr.events(types=["video.asset.playable"]))
    body, now = json.dumps(event, indent=1).encode(), int(time.time())
    headers = sign_webhook(body, event["id"], now, SECRET)
    assert Webhook(SECRET).verify(body, headers) == event
    with sqlite3.connect(database) as db:
        db.execute("DELETE FROM events")
        for _ in range(2):
            db.commit()
            assert (await call("POST", f"{school}/webhooks/kadr", data=body, headers=headers))[0] == 204
        assert db.execute("SELECT id FROM events").fetchall() == [(event["id"],)]
        assert db.execute("SELECT lesson, title FROM videos").fetchall() == [(7, "Lesson 7")]
    db.close()
    forged = sign_webhook(body, event["id"], now, webhook_signature.new_secret())
    status, said = await call("POST", f"{school}/webhooks/kadr", data=body, headers=forged)
    assert (status, "bad_signature" in said) == (400, True)


@pytest.mark.browser
async def test_both_pages_in_a_browser(school: str, environment: dict[str, str], tiny: Path, browser: Browser) -> None:
    """A teacher chooses a file on the page of the example, and a pupil watches it."""
    name, password = TEACHER.split(":")
    teacher = await browser.new_context(http_credentials={"username": name, "password": password})
    name, password = PUPIL.split(":")
    pupil = await browser.new_context(http_credentials={"username": name, "password": password})
    with kadr_listen(school, environment):
        page = await teacher.new_page()
        await page.goto(f"{school}/lessons/8/upload")
        await page.set_input_files("input", str(tiny))
        await page.wait_for_function("document.querySelector('output').value === 'done'")

        async def status() -> int:
            return (await call("GET", f"{school}/lessons/8", PUPIL))[0]

        await until(status, lambda got: got == 200)
    page = await pupil.new_page()
    await page.goto(f"{school}/lessons/8")
    await page.evaluate(
        "customElements.whenDefined('kadr-player').then(() => document.querySelector('kadr-player').play())"
    )
    await page.wait_for_function("document.querySelector('kadr-player').currentTime > 0.5")
    assert await page.inner_text("h1") == "Lesson 8"
    for context in (teacher, pupil):
        await context.close()


async def test_assets_of_the_library(kadr: Kadr) -> None:
    made = [
        await kadr.uploads.create(filename="a.mp4", size_bytes=1, title=f"Row {number}", ref="shelf:pyclient")
        for number in range(3)
    ]
    found = [one async for one in kadr.assets.list(ref="shelf:pyclient", sort="oldest", page_size=2)]
    assert [one["id"] for one in found] == [one["asset_id"] for one in made]
    changed = await kadr.assets.update(found[0]["id"], metadata={"room": "4"}, chapters=None)
    assert (changed["metadata"], changed["title"]) == ({"room": "4"}, "Row 0")
    for one in found:
        await kadr.assets.delete(one["id"])
    with pytest.raises(ApiError) as gone:
        await kadr.assets.get(found[0]["id"])
    assert (gone.value.code, gone.value.status) == ("not_found", 404)
    assert gone.value.request_id
    same = {"filename": "a.mp4", "size_bytes": 1, "idempotency_key": "row-4"}
    first, second = await kadr.uploads.create(**same), await kadr.uploads.create(**same)
    assert first["id"] == second["id"]
    await kadr.uploads.abort(first["id"])


async def test_a_file_that_is_no_video(kadr: Kadr, tmp_path: Path) -> None:
    file = tmp_path / "junk.mp4"
    file.write_bytes(b"no video" * 100)
    asset = await kadr.upload(file, metadata={"course": "Algebra"})
    assert asset["metadata"] == {"course": "Algebra"}
    with pytest.raises(AssetErrored) as refused:
        await kadr.wait(asset["id"], timeout_s=WITHIN_S * runs.patience())
    assert refused.value.code == "not_media"
    events = [(one["type"], one["data"]) async for one in first_events(kadr, asset["id"], 2)]
    assert [kind for kind, _ in events] == ["video.asset.created", "video.asset.errored"]
    assert events[1][1]["error"]["code"] == "not_media"


async def first_events(kadr: Kadr, asset_id: str, count: int) -> AsyncIterator[Any]:
    """The first events of one asset."""
    async for event in kadr.events(types=["video.asset.*"], limit=1, wait_s=5):
        if event["object"]["id"] == asset_id:
            yield event
            count -= 1
        if not count:
            return


async def test_webhook_endpoints(kadr: Kadr) -> None:
    """Of a name that nobody has: what is sent there stays pending."""
    endpoints = kadr.webhook_endpoints
    made = await endpoints.create("https://kadr.invalid/webhooks", types=["video.asset.*"], description="Ours")
    assert webhook_signature.key_of(made["secret"])
    assert [one["id"] for one in await endpoints.list()] == [made["id"]]
    rotated = await endpoints.rotate_secret(made["id"])
    assert rotated["secret"] != made["secret"]
    assert len(rotated["secrets"]) == 2
    with pytest.raises(ApiError, match="rotation_in_progress"):
        await endpoints.rotate_secret(made["id"])
    await endpoints.rotate_secret(made["id"], force=True)
    event_id = await endpoints.test(made["id"])

    async def deliveries() -> list[Any]:
        found = [one async for one in endpoints.deliveries(made["id"]) if one["attempt_count"]]
        return [one for one in found if one["event_id"] == event_id]  # an asset of another test may be sent, too

    (delivery,) = await until(deliveries)
    assert (delivery["event_id"], delivery["state"]) == (event_id, "pending")
    details = await endpoints.delivery(made["id"], event_id)
    assert details["attempts"][0]["error"] == "name_not_found"
    assert details["request"]["body"]["type"] == "webhook_endpoint.test"
    assert await endpoints.redeliver(made["id"], event_id=event_id) == 1
    assert (await endpoints.update(made["id"], enabled=False))["disabled_reason"] == "owner"
    await endpoints.delete(made["id"])
    assert await endpoints.list() == []
