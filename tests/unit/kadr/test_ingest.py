"""`kadr ingest` as a program calls it: what it prints, and how it goes on after an interruption."""

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kadr.commands.api_client import Target
from kadr.commands.ingest import UploadRequest, ingest
from kadr.error_text import CannotIngest
from kadr_client import backoff
from tests.part_store import PART_BYTES
from tests.small_kadr import KEY, SmallKadr, problem, small_kadr

ERROR = {"code": "not_media", "message": "It is no video.", "hint": "Choose another file."}


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)
    monkeypatch.setattr(backoff, "MOST_S", 0.001)


@pytest.fixture
async def server() -> AsyncIterator[SmallKadr]:
    async with small_kadr() as running:
        yield running


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "clip.mp4"
    path.write_bytes(os.urandom(3 * PART_BYTES))
    return path


def asset(status: str, **more: Any) -> dict[str, Any]:
    steps = [{"kind": "probe", "state": "done", "progress": 1.0, "attempts": 0}]
    shown = {"id": "as_1", "status": status, "steps": steps, "watch_url": "https://v.example/watch/pb_1", "error": None}
    return {"data": {**shown, "playback_url": None, "timings": {"ready_s": 7.5}, **more}}


def target(server: SmallKadr) -> Target:
    return Target(api=server.url, api_key=KEY)


async def test_what_is_printed(server: SmallKadr, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    playback = "https://v.example/play/pb_1/index.m3u8"
    server.answers["GET /v1/assets/as_1"] = [
        asset("playable"),
        asset("playable"),
        asset("ready", playback_url=playback),
    ]
    request = UploadRequest(title="Lesson 1", policy="signed", options={"ladder": "apple"})
    assert await ingest(target(server), file, request, state_file=None, as_json=False) == 0
    printed = capsys.readouterr()
    assert printed.out == f"as_1 ready in 7.5 s\nwatch: https://v.example/watch/pb_1\n{playback}\n"
    assert printed.err == "You can watch it now: https://v.example/watch/pb_1\n"
    stated = server.named("POST /v1/uploads")[0].json
    assert (stated["title"], stated["policy"], stated["ladder"]) == ("Lesson 1", "signed", "apple")


async def test_an_asset_that_failed(server: SmallKadr, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers["GET /v1/assets/as_1"] = [asset("processing"), asset("errored", error=ERROR)]
    assert await ingest(target(server), file, UploadRequest(), state_file=None, as_json=True) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out)["error"] == ERROR
    assert printed.err == "not_media: It is no video. Choose another file.\n"


async def test_a_refusal_as_json(server: SmallKadr, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.answers["POST /v1/uploads"] = [problem(422, "too_large", hint="Trim it.")]
    with pytest.raises(CannotIngest, match=r"^too_large: It was told to\. Trim it\.$"):
        await ingest(target(server), file, UploadRequest(), state_file=None, as_json=True)
    refused = {"code": "too_large", "message": "It was told to.", "hint": "Trim it."}
    assert json.loads(capsys.readouterr().out) == {"status": "errored", "error": refused}


async def test_it_goes_on_where_it_was(server: SmallKadr, file: Path, tmp_path: Path) -> None:
    state = tmp_path / "state.json"
    server.faults["PUT /up_1/parts/3"] = [500] * 10
    with pytest.raises(CannotIngest, match="part 3 could not be uploaded"):
        await ingest(target(server), file, UploadRequest(), state_file=state, as_json=False)
    assert state.exists()
    before = len(server.seen)
    server.answers["GET /v1/assets/as_1"] = [asset("ready")]
    assert await ingest(target(server), file, UploadRequest(), state_file=state, as_json=False) == 0
    assert [seen.name for seen in server.seen[before:]][:2] == ["GET /v1/uploads/up_1", "PUT /up_1/parts/3"]
    assert server.upload.content == file.read_bytes()
    assert not state.exists()
