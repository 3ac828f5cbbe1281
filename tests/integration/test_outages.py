"""What viewers notice when PostgreSQL and Redis are away: on a stack of this module's own."""

import hashlib
import os
import signal
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import pytest

from tests.playback import media_uris
from tests.stack import PLAIN, Stack
from tests.waiting import until
from tests.web import fetch


@pytest.fixture(scope="module")
async def fragile(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Servers that each test may take away and gives back."""
    stack = Stack(tmp_path_factory.mktemp("fragile") / "home")
    await stack.start()
    yield stack
    assert await stack.stop() == 0
    assert list(stack.programs()) == []


@pytest.fixture(scope="module")
async def asset(fragile: Stack, clip: Path) -> Any:
    """Public, and signed by a second playback id."""
    asset_id = await fragile.upload(clip, **PLAIN)
    asset = await fragile.wait(asset_id, "ready")
    status, body = await fragile.api("POST", f"/v1/assets/{asset_id}/playback_ids", json={"policy": "signed"})
    assert status == 201, body
    return {**asset, "signed_id": body["data"]["id"]}


async def test_a_viewer_goes_on_without_postgresql_and_redis(fragile: Stack, asset: Any) -> None:
    multivariant = (await fetch(asset["playback_url"])).body.decode()
    playlists = {
        url: (await fetch(url)).body for url in (urljoin(asset["playback_url"], u) for u in media_uris(multivariant))
    }
    segments = [
        urljoin(url, line)
        for url, body in playlists.items()
        for line in body.decode().splitlines()
        if line.endswith(".m4s")
    ]
    assert len(segments) == 6, "two of each of three renditions"
    await fetch(segments[0])
    assert fragile.up is not None
    fragile.up.send_signal(signal.SIGSTOP)  # or it would start them again
    try:
        for name in ("postgres", "redis-server"):
            pids = fragile.running(name)
            assert pids
            for pid in pids:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        for url in segments:
            answer = await fetch(url)
            assert answer.status == 200
            assert f'"{hashlib.sha256(answer.body).hexdigest()[:32]}"' == answer.headers["ETag"]
        for url, body in playlists.items():
            assert (await fetch(url)).body == body
        # Who comes anew to what this origin knows may watch, too.
        assert media_uris((await fetch(asset["playback_url"])).body.decode())
    finally:
        fragile.up.send_signal(signal.SIGCONT)
    await until_there(fragile)


async def test_a_revocation_outlives_redis(fragile: Stack, asset: Any) -> None:
    """Written while Redis is gone, and still held when it comes back empty."""
    await until_there(fragile)
    of = f"/v1/playback_ids/{asset['signed_id']}"
    kept, gone = [
        (await fragile.api("POST", f"{of}/token", json=viewer))[1]["data"] for viewer in ({}, {"viewer": "u"})
    ]
    assert (await fetch(gone["url"])).status == 200
    pids = fragile.running("redis-server")
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)  # `kadr up` starts it again
    assert (await fragile.api("POST", f"{of}/revocations", json={"viewer": "u"}))[0] == 201
    refused = await until(lambda: fetch(gone["url"]), lambda answer: answer.status == 403)
    assert b"revoked" in refused.body
    assert (await fetch(kept["url"])).status == 200


async def until_there(stack: Stack) -> None:
    """The API has its database again, and the origin answers."""

    async def both() -> bool:
        answers = [await fetch(stack.endpoints[door] + "/health/ready") for door in ("api", "origin")]
        return {answer.status for answer in answers} == {200}

    await until(both)
