"""JSON log lines: what a caller says is in them."""

import asyncio
import base64
import json
import logging
from pathlib import Path

import pytest

import core
from core.sandbox import child
from core.sandbox.child import ChildRunner, Limits
from core.telemetry import logs
from core.tokens.opaque_token import TokenKind, is_token


def test_no_field_is_lost_in_the_standard_library() -> None:
    """`extra=` of logging never reaches the line: only core.telemetry.logs may talk to logging itself."""
    root = Path(core.__file__).parents[1]
    rooms = (
        "core",
        "ingest",
        "origin",
        "workers",
        "transcode",
        "thumbnails",
        "subtitles",
        "packager",
        "presets",
        "kadr",
    )
    files = [file for room in rooms for file in (root / room).rglob("*.py")]
    assert len(files) > 200
    talking = {str(file.relative_to(root)) for file in files if "logging.getLogger(" in file.read_text("utf-8")}
    assert talking == {"core/telemetry/logs.py"}


API_KEY = "kadr_0a1b2c3d.Zk9-q_w3RtY7uIoP1aSdFgHjKl5ZxCvBnM0"
TOKEN = "k1.WyJwYl8xIiwgIjAxIiwgMTgwMF0." + "0123456789abcdef" * 4
EDGE_TOKEN = "k1.1800000000._e4Nc3iduzkWRm01TBBNYw"
STUDIO, LINK, UPLOAD = (f"{kind}_-Zk9q_w3RtY7uIoP1aSdFgHjKl5ZxCvBnM0AbCdEf-G" for kind in TokenKind)
WEBHOOK = "whsec_" + base64.b64encode(bytes(range(32))).decode()


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        (API_KEY, f"Invalid header: b'Authorization\\x00: Bearer {API_KEY}'"),
        (API_KEY, f"DataError: invalid input for query argument $1: '{API_KEY}'"),
        ("short-and-own", "'authorization': 'Bearer short-and-own'"),
        ("dXNlcjpwYXNz", "Authorization: Basic dXNlcjpwYXNz\r\n"),
        ("c0ffee", "X-Kadr-Origin-Lock: c0ffee"),
        (TOKEN, f"GET /play/pb_1/index.m3u8?token={TOKEN} HTTP/1.1"),
        (TOKEN.split(".")[2], f"/s/{TOKEN}/v/as_1/ab/v360/index.m3u8"),
        ("0123456789abcdef" * 4, f"/s/k1.1800000000.{'0123456789abcdef' * 4}/v/as_1/ab/"),
        (EDGE_TOKEN, f"/s/{EDGE_TOKEN}/v/as_1/ab/"),
        (STUDIO, f"Cookie: theme=dark; kadr_studio={STUDIO}"),
        (STUDIO, f"{{'__Host-kadr': '{STUDIO}'}}"),
        (LINK, f"GET /studio/sign-in?link={LINK} HTTP/1.1"),
        (LINK, f"b'link={LINK}&lang=en'"),
        (API_KEY, f"b'key={API_KEY}'"),
        (UPLOAD, f"invalid upload token {UPLOAD}."),
        (WEBHOOK, f"sealing {WEBHOOK} failed"),
        ("HS256-rqEm", "/bcdn_token=HS256-rqEm&expires=1/v/as_1/"),
        ("AKIAX", "http://s3/uploads/u/1?X-Amz-Credential=AKIAX&X-Amz-Signature=ff"),
        ("sesame", "ClientError: https://files.example.org/a.mp4?sesame"),
        ("pass-word", "postgresql://kadr:pass-word@db:5432/kadr"),
    ],
)
def test_no_line_holds_a_secret(secret: str, text: str) -> None:
    exc = ValueError(text)
    told = {"exc_info": (ValueError, exc, None), "msg": text, "kadr_fields": {"error": repr(exc)}}
    record = logging.makeLogRecord({"name": "aiohttp.server", "levelname": "ERROR", **told})
    line = logs.JsonFormatter().format(record)
    assert secret not in line
    assert json.loads(line)["logger"] == "aiohttp.server"


def test_tokens_of_the_studio_look_like_these() -> None:
    assert [is_token(kind, text) for kind, text in zip(TokenKind, (STUDIO, LINK, UPLOAD), strict=True)] == [True] * 3


@pytest.mark.parametrize(
    "text",
    [
        "assets/as_01h455vb4pex5vsknk084sn02q/objects/0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
        "step.claimed v720/00012.m4s core.storage.artifact_store.ArtifactStoreIsUnavailable 127.0.0.1:8081",
        "https://files.example.org/a.mp4 took 3.5 s",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert logs.without_secrets(text) == text


async def test_a_child_that_cannot_be_reaped_is_logged_with_its_pid(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(child, "REAP_S", 0.0)
    runner = ChildRunner(frozenset(), {})
    with caplog.at_level(logging.ERROR):
        await asyncio.wait([asyncio.ensure_future(_stopped_at_once(runner, tmp_path))])
    records = [record for record in caplog.records if record.message == "child.unreaped"]
    assert len(records) == 1
    line = json.loads(logs.JsonFormatter().format(records[0]))
    assert line["child_pid"] > 0
    assert line["event"] == "child.unreaped"
    caplog.clear()


async def _stopped_at_once(runner: ChildRunner, folder: Path) -> None:
    await runner.run(["sleep", "60"], work_dir=folder, limits=Limits(wall_s=0.2, cpu_s=5, file_bytes=1))
