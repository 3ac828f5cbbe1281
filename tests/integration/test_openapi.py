"""The API against its own description: generated requests find no 5xx and no undocumented answer; owners are apart."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from tests import runs
from tests.stack import Stack, as_owner

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"


@pytest.mark.parametrize(
    ("phases", "examples"),
    [
        pytest.param("fuzzing", 1, id="few"),
        pytest.param(
            "examples,coverage,fuzzing,stateful",
            10,
            id="all",
            marks=pytest.mark.acceptance("thousands of generated requests: make test sends some of them"),
        ),
    ],
)
async def test_generated_requests(stack: Stack, tmp_path: Path, phases: str, examples: int) -> None:
    """As an owner of their own: they switch things on and off for all titles of an owner."""
    owner = await as_owner(stack, "generated")
    schemathesis = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{stack.endpoints['api']}/openapi.json"),
        *("-H", f"Authorization: Bearer {owner.endpoints['api_key']}"),
        *("--checks", CHECKS, "--phases", phases, "--max-examples", str(examples), "--seed", "1", "--no-color"),
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    told, _ = await asyncio.wait_for(schemathesis.communicate(), 600 * runs.patience())
    assert schemathesis.returncode == 0, told.decode()[-6000:]


async def test_every_route_with_another_owners_id_is_404(stack: Stack) -> None:
    """Whatever the method and body; and with no key it is 401."""
    other = (await as_owner(stack, "other")).endpoints["api_key"]
    _, upload = await stack.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 1})
    _, asset = await stack.api("GET", f"/v1/assets/{upload['data']['asset_id']}")
    ids = {
        "upload_id": upload["data"]["id"],
        "asset_id": asset["data"]["id"],
        "playback_id": asset["data"]["playback_ids"][0]["id"],
    }
    words = {"kind": "subtitles", "language": "en", "text": "WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n"}
    _, track = await stack.api("POST", f"/v1/assets/{ids['asset_id']}/tracks", json=words)
    ids["track_id"] = track["data"]["id"]
    _, endpoint = await stack.api("POST", "/v1/webhook_endpoints", json={"url": "https://shop.example/hook"})
    ids["endpoint_id"] = endpoint["data"]["id"]
    _, sent = await stack.api("POST", f"/v1/webhook_endpoints/{ids['endpoint_id']}/test")
    ids["event_id"] = sent["data"]["event_id"]
    bodies = {
        "/source": {"filename": "a", "size_bytes": 1},
        "/playback_ids": {"policy": "public"},
        "/tracks": words,
        "/revocations": {"viewer": "a"},
        "/redeliver": {"dead": True},
    }
    _, document = await stack.api("GET", "/openapi.json")
    tried = 0
    for path, methods in document["paths"].items():
        url = re.sub(r"{(\w+)}", lambda found: ids[found[1]], path)
        if url == path:
            continue
        body: Any = next((body for end, body in bodies.items() if path.endswith(end)), {})
        for method in methods:
            status, answer = await stack.api(method.upper(), url, key=other, json=body)
            assert (status, answer["code"]) == (404, "not_found"), (method, path, answer)
            assert (await stack.api(method.upper(), url, key="kadr_nobody.x", json=body))[0] == 401
            tried += 1
    assert tried >= 20
    assert (await stack.api("DELETE", f"/v1/webhook_endpoints/{ids['endpoint_id']}"))[0] == 204
    _, listed = await stack.api("GET", "/v1/assets", key=other)
    assert listed["data"] == []
