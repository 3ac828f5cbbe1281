"""core.telemetry.trace: the id in `traceparent`, in log lines, and in what a task starts."""

import asyncio
import json
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from core.http import request_id
from core.telemetry import trace
from core.telemetry.logs import JsonFormatter

ID = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (f"00-{ID}-{PARENT}-01", ID),
        (f"00-{ID}-{PARENT}-00", ID),
        (f"cc-{ID}-{PARENT}-01-what-the-future-will-be-like", ID),
        (f"cc-{ID}-{PARENT}-01", ID),
        ("", None),
        (f"00-{ID}-{PARENT}-01-more", None),
        (f"cc-{ID}-{PARENT}-01.more", None),
        (f"ff-{ID}-{PARENT}-01", None),
        (f"00-{'0' * 32}-{PARENT}-01", None),
        (f"00-{ID}-{'0' * 16}-01", None),
        (f"00-{ID.upper()}-{PARENT}-01", None),
        (f"00-{ID}-{PARENT}", None),
        (f"00-{ID}-{PARENT}-01\n", None),
        ('00-"}{"forged-01', None),
    ],
)
def test_traceparent_by_the_specification(header: str, expected: str | None) -> None:
    assert trace.of_header(header) == expected


def line() -> dict[str, str]:
    """The next line that this task would log."""
    said: dict[str, str] = json.loads(JsonFormatter().format(logging.LogRecord("kadr", 20, "", 1, "said", None, None)))
    return said


async def test_what_a_task_starts_belongs_to_its_trace_and_nothing_afterwards() -> None:
    async def started() -> str | None:
        return line().get("trace")

    with trace.following(ID):
        assert await asyncio.create_task(started()) == ID
    assert "trace" not in line()


async def test_every_request_has_a_trace_its_own_or_the_one_that_was_sent() -> None:
    async def told(_: web.Request) -> web.Response:
        return web.json_response(line())

    app = web.Application()
    app.router.add_get("/", told)
    request_id.add_to(app)
    async with TestClient(TestServer(app)) as client:
        sent = await (await client.get("/", headers={"traceparent": f"00-{ID}-{PARENT}-01"})).json()
        assert sent["trace"] == ID
        first, second = [await (await client.get("/", headers={"traceparent": "forged"})).json() for _ in range(2)]
    assert len({first["trace"], second["trace"], ID}) == 3
    assert trace.of_header(f"00-{first['trace']}-{PARENT}-01") == first["trace"]
