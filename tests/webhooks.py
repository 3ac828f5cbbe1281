"""A receiver of webhooks as an application writes it: the public `standardwebhooks` package verifies what comes."""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from pydantic import SecretStr
from standardwebhooks import Webhook

from core.db import outbox, webhook_endpoints
from core.db.postgres import Pool
from core.event_types import AssetPlayable
from core.model import OwnerId
from core.settings import Settings
from tests import lone
from tests.database import OWNER
from tests.stack import Stack

KEYS = {"k1": bytes(32)}
LOOPBACK = "127.0.0.0/8"


@dataclass(kw_only=True)
class Arrival:
    """A webhook that came and was verified. `at`: Unix time; `monotonic`: by time.monotonic()."""

    event: dict[str, Any]
    at: float
    monotonic: float


@dataclass(kw_only=True)
class Receiver:
    """An HTTP server that verifies, answers `status` after `pause_s`, and keeps what it took, path by path."""

    url: str = ""
    status: int = 200
    refuses: Callable[[dict[str, Any]], bool] = lambda _: False
    refusal: int = 500
    headers: dict[str, str] = field(default_factory=dict)
    pause_s: float = 0.0
    text: str = "as told"
    requests: int = 0
    secrets: dict[str, str] = field(default_factory=dict)  # by path
    taken: defaultdict[str, list[Arrival]] = field(default_factory=lambda: defaultdict(list))

    def events(self, path: str = "/") -> list[dict[str, Any]]:
        return [arrival.event for arrival in self.taken[path]]

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests += 1
        if (secret := self.secrets.get(request.path)) is not None:
            Webhook(secret).verify(body, dict(request.headers))  # what it raises is answered 500
        if self.pause_s:
            await asyncio.sleep(self.pause_s)  # this is what a slow receiver does
        event = json.loads(body)
        if self.refuses(event):
            return web.Response(status=self.refusal, headers=self.headers)
        if 200 <= self.status < 300:
            self.taken[request.path].append(Arrival(event=event, at=time.time(), monotonic=time.monotonic()))
        return web.Response(status=self.status, headers=self.headers, text=self.text)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Receiver"]:
        app = web.Application()
        app.router.add_post("/{path:.*}", self._receive)
        runner = web.AppRunner(app, shutdown_timeout=0.1, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


async def settings_of(stack: Stack, pool: Pool, **more: Any) -> Settings:
    """Settings of a dispatcher on this database of the stack, with short leases and pauses."""
    name = await pool.fetchval("SELECT current_database()")
    url = urlsplit(stack.endpoints["database_url"])._replace(path=f"/{name}").geturl()
    quick = {"webhook_networks": LOOPBACK, "webhook_pauses_s": "0,0.2,0.2,0.2", "lease_s": 3.0, "heartbeat_s": 1.0}
    return Settings(database_url=SecretStr(url), webhook_keys=SecretStr(f"k1:{KEYS['k1'].hex()}"), **(quick | more))


async def new_endpoint(pool: Pool, url: str, types: Sequence[str] = ("*",), owner: OwnerId = OWNER) -> tuple[str, str]:
    """(id, secret) of an endpoint, whatever its URL."""
    async with pool.acquire() as connection, connection.transaction():
        return await webhook_endpoints.insert(connection, owner, url, types, "", KEYS)


async def happen(pool: Pool, assets: Sequence[str], times: int, owner: OwnerId = OWNER) -> None:
    """`times` events of each of these assets, one after the other in each, in transactions of their own."""
    for number in range(times):
        async with pool.acquire() as connection, connection.transaction():
            await outbox.add_all(
                connection, [(owner, asset, AssetPlayable(revision=f"{asset}-{number:06}")) for asset in assets]
            )


@dataclass
class Dispatcher:
    """A `kadr dispatcher` that runs."""

    env: dict[str, str]
    running: asyncio.subprocess.Process

    async def kill_and_start(self) -> None:
        """SIGKILL, and another one in its place."""
        self.running.kill()
        await self.running.wait()
        self.running = await lone.start("dispatcher", env=self.env)

    def memory_bytes(self) -> int:
        """What it has in memory at present."""
        (line,) = re.findall(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{self.running.pid}/status").read_text())
        return int(line) * 1024


@asynccontextmanager
async def dispatching(settings: Settings) -> AsyncIterator[Dispatcher]:
    """`kadr dispatcher` with these settings."""
    names = ("webhook_networks", "webhook_pauses_s", "webhook_timeout_s", "lease_s", "heartbeat_s")
    values = {name: getattr(settings, name) for name in names}
    env = {
        "KADR_DATABASE_URL": settings.database_url.get_secret_value(),
        "KADR_WEBHOOK_KEYS": settings.webhook_keys.get_secret_value(),
        **{
            f"KADR_{name.upper()}": ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
            for name, value in values.items()
        },
    }
    dispatcher = Dispatcher(env, await lone.start("dispatcher", env=env))
    try:
        yield dispatcher
    finally:
        dispatcher.running.terminate()
        await dispatcher.running.wait()
