"""core.telemetry.metrics: served on a port of their own, or not at all."""

import asyncio
import socket
from collections.abc import AsyncIterator

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import generate_latest

from core.errors import ConfigError
from core.settings import Settings
from core.telemetry import metrics
from tests.web import fetch


async def test_metrics_are_refreshed_and_served_alone() -> None:
    refreshed = 0

    async def refresh() -> None:
        nonlocal refreshed
        refreshed += 1

    metrics.BYTES.labels("tested").inc(7)
    async with metrics.served(Settings(metrics_port=0), refresh) as port:
        told = await fetch(f"http://127.0.0.1:{port}/metrics")
        assert told.status == 200
        assert 'kadr_bytes_total{what="tested"} 7.0' in told.body.decode()
        assert refreshed == 1
        assert (await fetch(f"http://127.0.0.1:{port}/")).status == 404
    with pytest.raises(aiohttp.ClientConnectorError):
        await fetch(f"http://127.0.0.1:{port}/metrics")


async def test_without_a_port_there_are_none() -> None:
    async with metrics.served(Settings(metrics_port=None)) as port:
        assert port is None


async def test_a_port_that_is_taken_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"KADR_METRICS_PORT={port}: .*in use"):
            async with metrics.served(Settings(metrics_port=port)):
                pytest.fail("two servers on one port")


@pytest.fixture
async def hangs() -> AsyncIterator[str]:
    """A database on a machine that went away: connections are made, and nothing is ever answered."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        yield f"postgresql://kadr@127.0.0.1:{silent.getsockname()[1]}/kadr"


async def test_a_database_that_hangs_delays_no_answer_and_leaves_no_gauges(hangs: str) -> None:
    """Prometheus and probes wait for seconds; then they would say that this process is down, and end it."""
    asked = 0

    async def refresh() -> None:
        nonlocal asked
        asked += 1
        await metrics.read_backlog(pool)

    metrics.BACKLOG.labels("encode", "dead").set(1)
    async with (
        asyncpg.create_pool(hangs, min_size=0, timeout=60) as pool,
        metrics.served(Settings(metrics_port=0), refresh, metrics.forget_backlog, within_s=0.05) as port,
    ):
        async with asyncio.timeout(30):
            answers = await asyncio.gather(*(fetch(f"http://127.0.0.1:{port}/metrics") for _ in range(5)))
    assert {answer.status for answer in answers} == {200}
    assert "kadr_steps{" not in answers[-1].body.decode()
    assert asked == 1, "no other query begins while one hangs"


async def test_errors_are_counted_from_zero() -> None:
    """The first of them has grown from nothing otherwise, to Prometheus: in many processes many are never seen."""

    async def plain(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application(middlewares=[metrics.middleware("api")])
    app.router.add_get("/tested/good", plain)
    async with TestClient(TestServer(app)) as client:
        await client.get("/tested/good")
    told = generate_latest().decode()
    for status in (500, 503):
        assert f'kadr_http_requests_total{{door="api",method="GET",route="/tested/good",status="{status}"}} 0.0' in told


async def test_what_waits_on_purpose_is_counted_and_not_timed() -> None:
    """Or streams of events are the slowest requests of all, and an alert says so for ever."""

    async def stream(request: web.Request) -> web.Response:
        metrics.waits_on_purpose(request)
        return web.Response()

    async def plain(_: web.Request) -> web.Response:
        return web.Response()

    app = web.Application(middlewares=[metrics.middleware("api")])
    app.router.add_get("/tested/stream", stream)
    app.router.add_get("/tested/plain", plain)
    async with TestClient(TestServer(app)) as client:
        for path in ("/tested/stream", "/tested/plain"):
            await client.get(path)
    told = generate_latest().decode()
    for path, timed in (("/tested/stream", 0), ("/tested/plain", 1)):
        labels = f'door="api",method="GET",route="{path}"'
        assert f'kadr_http_requests_total{{{labels},status="200"}} 1.0' in told
        assert f"kadr_http_request_seconds_count{{{labels}}} {timed}.0" in told
