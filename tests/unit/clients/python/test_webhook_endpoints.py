"""Webhook endpoints: what each call asks for."""

from datetime import UTC, datetime

import pytest
from aiohttp import web

from kadr_client import ApiError, Kadr
from tests.small_kadr import SmallKadr

ROOT = "/v1/webhook_endpoints"
ONE = f"{ROOT}/we_1"
ENDPOINT = {"data": {"id": "we_1", "secret": "whsec_1"}}


async def test_what_each_call_asks_for(server: SmallKadr, kadr: Kadr) -> None:
    for name in (f"POST {ROOT}", f"GET {ONE}", f"PATCH {ONE}", f"POST {ONE}/rotate_secret"):
        server.answers[name] = [ENDPOINT]
    server.answers[f"GET {ROOT}"] = [{"data": [{"id": "we_1"}], "next_cursor": None}]
    server.answers[f"DELETE {ONE}"] = [web.Response(status=204)]
    server.answers[f"POST {ONE}/test"] = [{"data": {"event_id": "ev_1"}}]
    server.answers[f"POST {ONE}/redeliver"] = [{"data": {"deliveries": 3}}]
    server.answers[f"GET {ONE}/deliveries"] = [
        {"data": [{"event_id": "ev_2"}], "next_cursor": "7"},
        {"data": [{"event_id": "ev_1"}], "next_cursor": None},
    ]
    server.answers[f"GET {ONE}/deliveries/ev_1"] = [{"data": {"event_id": "ev_1", "log": []}}]
    endpoints, noon = kadr.webhook_endpoints, datetime(2026, 11, 30, 12, tzinfo=UTC)

    assert (await endpoints.create("https://shop.example/hooks", types=["video.asset.*"]))["secret"] == "whsec_1"
    assert [one["id"] for one in await endpoints.list()] == ["we_1"]
    assert (await endpoints.get("we_1"))["id"] == "we_1"
    await endpoints.update("we_1", enabled=False)
    assert (await endpoints.rotate_secret("we_1", force=True))["secret"] == "whsec_1"
    assert await endpoints.test("we_1") == "ev_1"
    assert await endpoints.redeliver("we_1", event_id="ev_1") == 3
    await endpoints.redeliver("we_1", start=noon, end="2026-11-30T13:00:00Z")
    await endpoints.redeliver("we_1", dead=True)
    assert [one["event_id"] async for one in endpoints.deliveries("we_1", state="dead")] == ["ev_2", "ev_1"]
    assert (await endpoints.delivery("we_1", "ev_1"))["log"] == []
    await endpoints.delete("we_1")

    sent = [(seen.name, seen.json if seen.body else seen.query) for seen in server.seen]
    assert sent == [
        (f"POST {ROOT}", {"url": "https://shop.example/hooks", "types": ["video.asset.*"]}),
        (f"GET {ROOT}", {}),
        (f"GET {ONE}", {}),
        (f"PATCH {ONE}", {"enabled": False}),
        (f"POST {ONE}/rotate_secret", {"force": True}),
        (f"POST {ONE}/test", {}),
        (f"POST {ONE}/redeliver", {"event_id": "ev_1"}),
        (f"POST {ONE}/redeliver", {"from": "2026-11-30T12:00:00+00:00", "to": "2026-11-30T13:00:00Z"}),
        (f"POST {ONE}/redeliver", {"dead": True}),
        (f"GET {ONE}/deliveries", {"state": "dead", "limit": "100"}),
        (f"GET {ONE}/deliveries", {"state": "dead", "limit": "100", "cursor": "7"}),
        (f"GET {ONE}/deliveries/ev_1", {}),
        (f"DELETE {ONE}", {}),
    ]


async def test_an_endpoint_is_not_made_twice(server: SmallKadr, kadr: Kadr) -> None:
    server.faults[f"POST {ROOT}"] = [503]
    with pytest.raises(ApiError, match="unavailable"):
        await kadr.webhook_endpoints.create("https://shop.example/hooks")
    assert len(server.seen) == 1
