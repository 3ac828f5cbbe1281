"""One attempt to send a webhook: what its span tells, and that no secret is in it."""

import ipaddress
from datetime import UTC, datetime

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from core.db.outbox import Event
from core.http.public_fetch import Guard
from core.model import AssetId, OwnerId
from core.settings import Settings
from core.telemetry import spans
from core.tokens import webhook_signature
from workers.dispatcher.send import send

EVENT = Event(
    position=7,
    id="ev_1",
    owner_id=OwnerId("ow_1"),
    asset_id=AssetId("as_1"),
    type="video.asset.ready",
    object_type="asset",
    object_id="as_1",
    payload={},
    created_at=datetime(2026, 11, 30, tzinfo=UTC),
)


async def test_an_attempt_is_a_span_without_url_and_secret() -> None:
    memory = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="no kadr[otel]")
    kept = memory.InMemorySpanExporter()
    statuses = iter((200, 500))

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=next(statuses))

    app = web.Application()
    app.router.add_post("/hook", answer)
    secret, guard = webhook_signature.new_secret(), Guard([ipaddress.ip_network("127.0.0.0/8")])
    async with (
        TestServer(app) as server,
        aiohttp.ClientSession() as session,
        spans.exported(Settings(otlp_share=1), "dispatcher", kept),
    ):
        url = str(server.make_url("/hook?password=hunter2"))
        sent = [await send(session, guard, url, [secret], EVENT, 5.0) for _ in range(2)]
    assert [one.is_accepted for one in sent] == [True, False]
    good, bad = kept.get_finished_spans()
    assert dict(good.attributes) | {"kadr.trace": ""} == {
        **{"kadr.event": "ev_1", "kadr.asset": "as_1", "kadr.status": 200, "kadr.trace": ""}
    }
    assert good.status.is_ok
    assert (bad.attributes["kadr.status"], bad.status.description) == (500, "status")
    assert good.context.trace_id != bad.context.trace_id
    text = good.to_json() + bad.to_json()
    assert "hunter2" not in text
    assert secret not in text
