"""core.telemetry.spans: which spans leave a program, what is in them, and what is not."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

import core.telemetry
from core.errors import ConfigError
from core.http import problems, request_id
from core.settings import Settings
from core.telemetry import spans, trace

ID = "0af7651916cd43dd8448eb211c80319c"  # its lower half is 0.52 of the highest
PARENT = "b7ad6b7169203331"
SENT = {"traceparent": f"00-{ID}-{PARENT}-01"}
TOKEN = "k1.1800000000." + "0123456789abcdef" * 4


async def test_without_the_packages_the_setting_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(core.telemetry, "otel", raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    for name in [name for name in sys.modules if name.startswith("opentelemetry.") or name == "core.telemetry.otel"]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ConfigError, match=r"KADR_OTLP_URL needs OpenTelemetry .*: pip install kadr\[otel\]"):
        async with spans.exported(Settings(otlp_url="http://127.0.0.1:4318"), "api"):
            pytest.fail("it has started")


async def test_without_the_setting_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(core.telemetry, "otel", raising=False)
    monkeypatch.setitem(sys.modules, "core.telemetry.otel", None)
    async with spans.exported(Settings(), "api"):
        with spans.span("step encode", step="st_1"):
            spans.note(failed="dead")
    with pytest.raises(ImportError):
        from core.telemetry import otel  # noqa: F401


@pytest.fixture
async def client() -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async def good(request: web.Request) -> web.Response:
        trace.follow(request.query.get("upload"))
        return web.Response(text="good")

    async def bad(_: web.Request) -> web.Response:
        raise ZeroDivisionError

    app = web.Application(middlewares=[problems.middleware])
    app.router.add_get("/good/{token}", good)
    app.router.add_get("/bad", bad)
    request_id.add_to(app)
    async with TestClient(TestServer(app)) as client:
        yield client


async def test_requests_are_spans_without_urls(client: TestClient[web.Request, web.Application]) -> None:
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="no kadr[otel]")
    kept = memory.InMemorySpanExporter()
    async with spans.exported(Settings(otlp_share=1), "api", kept):
        await client.get(f"/good/{TOKEN}?token={TOKEN}&upload={'f' * 32}", headers=SENT)
        await client.get("/good/x")
    sent, own = kept.get_finished_spans()
    assert sent.name == own.name == "GET /good/{token}"
    assert f"{sent.context.trace_id:032x}" == ID
    assert f"{sent.parent.span_id:016x}" == PARENT
    assert dict(sent.attributes) == {
        "kadr.request_id": sent.attributes["kadr.request_id"],
        "kadr.status": 200,
        "kadr.trace": "f" * 32,
    }
    assert own.parent is None
    assert own.attributes["kadr.trace"] == f"{own.context.trace_id:032x}"
    assert TOKEN not in sent.to_json()
    assert sent.resource.attributes["service.name"] == "kadr-api"


@pytest.mark.parametrize(
    ("share", "names"), [(0.0, ["GET /bad"]), (0.5, ["GET /bad"]), (0.6, ["GET /good/{token}", "GET /bad"])]
)
async def test_a_share_of_traces_and_all_errors(
    client: TestClient[web.Request, web.Application], share: float, names: list[str]
) -> None:
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="no kadr[otel]")
    kept = memory.InMemorySpanExporter()
    async with spans.exported(Settings(otlp_share=share), "api", kept):
        await client.get("/good/x", headers=SENT)
        assert (await client.get("/bad", headers=SENT)).status == 500
    assert [one.name for one in kept.get_finished_spans()] == names


async def test_a_step_is_a_span_of_its_uploads_trace_and_reaches_a_collector() -> None:
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2", reason="no kadr[otel]")
    arrived = []

    async def take(request: web.Request) -> web.Response:
        arrived.append(service.ExportTraceServiceRequest.FromString(await request.read()))
        return web.Response(body=service.ExportTraceServiceResponse().SerializeToString())

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    async with TestServer(app) as collector:
        settings = Settings(otlp_url=str(collector.make_url("")).rstrip("/"), otlp_share=1)
        async with spans.exported(settings, "worker"):
            with trace.following(ID), spans.span("step encode", step="st_1"):
                spans.note(failed="dead")
    (resource,) = arrived[0].resource_spans
    (step,) = resource.scope_spans[0].spans
    assert (step.name, step.trace_id.hex(), step.parent_span_id) == ("step encode", ID, b"")
    assert {one.key: one.value.string_value for one in step.attributes} == {"kadr.step": "st_1", "kadr.trace": ID}
    assert step.status.message == "dead"


async def test_a_collector_that_does_not_answer_holds_up_no_end() -> None:
    """It was waited for until engines kill: 8 to 40 s."""
    pytest.importorskip("opentelemetry", reason="no kadr[otel]")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        settings = Settings(otlp_url=f"http://127.0.0.1:{silent.getsockname()[1]}", otlp_share=1)
        async with asyncio.timeout(9) as limit:  # one try takes ten
            async with spans.exported(settings, "worker", flush_s=0.1):
                with spans.span("step encode", step="st_1"):
                    pass
    assert not limit.expired()
