"""Problem details: every fault of a request named together, and the id that finds its log lines."""

import json
import logging
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import BaseModel, ConfigDict, ValidationError

from core.http import problems, request_id
from core.http.problems import MOST_FAULTS, Problem
from core.telemetry import logs
from core.telemetry.logs import Log


class _Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    width: int


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    filename: str
    size_bytes: int
    inner: _Inner | None = None


def problem_of(body: dict[str, Any]) -> Problem:
    with pytest.raises(ValidationError) as raised:
        _Body.model_validate(body)
    return problems.from_validation(raised.value)


def test_a_misspelt_field_is_named_although_another_is_missing() -> None:
    problem = problem_of({"filname": "a.mp4", "size_bytes": "many"})
    found = {fault.pointer: fault.code for fault in problem.faults}
    assert found == {"/filename": "invalid", "/size_bytes": "invalid", "/filname": "unknown_field"}
    assert problem.code == "invalid"
    for name in ("/filename", "/size_bytes", "'filname'"):
        assert name in str(problem)


def test_one_fault_reads_as_one_sentence() -> None:
    problem = problem_of({"filename": "a", "size_bytes": 1, "colour": "red"})
    assert (problem.code, problem.pointer, str(problem)) == ("unknown_field", "/colour", "Unknown field 'colour'.")
    assert len(problem.faults) == 1


def test_pointers_are_those_of_rfc_6901() -> None:
    problem = problem_of({"filename": "a", "size_bytes": 1, "inner": {"width": 1, "a/b~c": 1}})
    assert problem.pointer == "/inner/a~1b~0c"


def test_an_answer_is_bounded() -> None:
    problem = problem_of({"filename": "a", "size_bytes": 1, **{f"n{number}" * 300: 1 for number in range(1000)}})
    assert len(problem.faults) == MOST_FAULTS
    assert "There are 980 more." in str(problem)
    assert len(problems.response(problem).body or b"") < 20_000  # type: ignore[arg-type]


async def _client() -> TestClient[web.Request, web.Application]:
    async def refuse(_: web.Request) -> web.Response:
        raise Problem(409, "busy", "Not now.")

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        return response

    async def log(_: web.Request) -> web.Response:
        Log("test").info("told")
        return web.Response()

    async def file(_: web.Request) -> web.Response:
        return web.Response(headers={"Cache-Control": "max-age=31536000, immutable"})

    app = web.Application(middlewares=[problems.middleware])
    routes = {"/refuse": refuse, "/stream": stream, "/log": log, "/file": file}
    app.add_routes([web.get(path, handler) for path, handler in routes.items()])
    request_id.add_to(app)
    return TestClient(TestServer(app))


async def test_every_answer_has_an_id_of_its_own() -> None:
    async with await _client() as client:
        seen = set()
        for path in ("/refuse", "/stream", "/log", "/nowhere"):
            answer = await client.get(path)
            seen.add(answer.headers["X-Request-Id"])
        assert len(seen) == 4
        assert "X-Request-Id" not in (await client.get("/file")).headers, "a cache would hand it to everybody"


@pytest.mark.parametrize(
    ("sent", "taken"), [("req-0123456789", True), ("short", False), ("a b c d e f g h", False), ("x" * 65, False)]
)
async def test_an_id_of_a_proxy_is_taken_where_it_can_stand_in_a_log(sent: str, taken: bool) -> None:
    async with await _client() as client:
        answer = await client.get("/log", headers={"X-Request-Id": sent})
        assert (answer.headers["X-Request-Id"] == sent) is taken


async def test_log_lines_about_a_request_have_its_id(caplog: pytest.LogCaptureFixture) -> None:
    formatter = logs.JsonFormatter()
    lines: list[dict[str, Any]] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(json.loads(formatter.format(record)))

    handler = Keep()
    caplog.set_level(logging.INFO, "kadr.test")
    logging.root.addHandler(handler)
    try:
        async with await _client() as client:
            answer = await client.get("/log", headers={"X-Request-Id": "req-0123456789"})
        Log("test").info("outside")
    finally:
        logging.root.removeHandler(handler)
    told = {line["event"]: line.get("request_id") for line in lines}
    assert answer.status == 200
    assert (told["told"], told["outside"]) == ("req-0123456789", None)
