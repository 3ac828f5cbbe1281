"""core.telemetry.metrics: served on a port of their own, or not at all."""

import socket

import aiohttp
import pytest

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
