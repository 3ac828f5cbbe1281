"""`kadr up` as a person meets it: what it says of a file on its way, and that its programs stop when asked to."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import aiohttp
import pytest

from benchmarks.harness.stack import two_free_ports
from core.settings import Settings
from kadr.commands.up_video import UpVideo
from kadr.stack.apps import STOP_WITHIN_S, kadr_apps
from kadr.stack.endpoints import Endpoints
from tests.stack import Stack


async def test_a_file_on_its_way(stack: Stack, clip: Path, capsys: pytest.CaptureFixture[str]) -> None:
    endpoints = Endpoints(**{**stack.endpoints, "worker_pids": ()})
    await UpVideo(clip).on_ready(endpoints)
    out, err = capsys.readouterr()
    studio, now, watch, playback = out.splitlines()
    assert studio == f"studio: {endpoints.studio}"
    assert re.fullmatch(rf"{re.escape(endpoints.origin)}/play/pb_\w+/index\.m3u8", playback)
    assert watch.startswith("watch: ")
    page = watch.removeprefix("watch: ")
    assert now == f"You can watch it now: {page}"
    patterns = (
        r"kadr up: uploading clip\.mp4: \d+\.\d MB, usually .*",
        r"kadr up: uploaded after [\d.]+ s; processing it: .*usually.*",
        r"kadr up: playable after [\d.]+ s",
        r"kadr up: ready after [\d.]+ s with \d video renditions",
    )
    said = err.splitlines()
    assert len(said) == len(patterns), err
    for line, pattern in zip(said, patterns, strict=True):
        assert re.fullmatch(pattern, line), line


async def test_an_open_event_stream_does_not_keep_the_api(stack: Stack, tmp_path: Path) -> None:
    """A stream ends with its last byte, not by the server's cancelling it after its shutdown timeout."""
    status, created = await stack.api("POST", "/v1/uploads", json={"filename": "never.mp4", "size_bytes": 1000})
    assert status == 201
    port = two_free_ports()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("KADR_")},
        "KADR_DATABASE_URL": stack.endpoints["database_url"],
        "KADR_REDIS_URL": stack.endpoints["redis_url"],
        "KADR_S3_URL": stack.endpoints["s3"],
        "KADR_PLAYBACK_KEYS": f"k1:{'ab' * 32}",
        "KADR_WORK_DIR": str(tmp_path),
        "KADR_API_PORT": str(port),
    }
    with (tmp_path / "api.log").open("wb") as log:
        api = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "kadr", "api"), env=environment, stdout=log, stderr=log
        )
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
            key = {"Authorization": f"Bearer {stack.endpoints['api_key']}"}
            url = f"http://127.0.0.1:{port}/v1/assets/{created['data']['asset_id']}/events"
            async with await _first_answer(session, url, key, api) as stream:
                assert stream.status == 200
                assert (await stream.content.readuntil(b"\n\n")).startswith(b"id: ")
                api.send_signal(signal.SIGTERM)
                await stream.content.read()  # aiohttp.ClientPayloadError for a stream that is cut
        assert await asyncio.wait_for(api.wait(), 60) == 0
    finally:
        if api.returncode is None:
            api.kill()
            await api.wait()
    assert (tmp_path / "api.log").read_text() == ""


async def _first_answer(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], server: asyncio.subprocess.Process
) -> aiohttp.ClientResponse:
    """The answer as soon as the server takes connections."""
    async with asyncio.timeout(60):
        while True:
            assert server.returncode is None
            try:
                return await session.get(url, headers=headers)
            except aiohttp.ClientConnectorError:
                await asyncio.sleep(0.05)


def test_the_programs_have_the_time_that_aiohttp_takes() -> None:
    """It waits for open requests, then as long again for cancelled ones; only then are connections closed."""
    apps = kadr_apps("http://127.0.0.1:1", "http://127.0.0.1:2")
    assert [app.name for app in apps][:2] == ["api", "origin"]
    assert min(app.stop_timeout_s for app in apps) == STOP_WITHIN_S >= 2 * Settings.model_fields["drain_s"].default + 5
