"""A `kadr origin` of the tests' own, on the servers of a stack: it can be stopped alone, and have other settings."""

import asyncio
import secrets
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from tests import runs
from tests.lone import servers_env, start
from tests.stack import Stack
from tests.web import fetch

LOCK = secrets.token_hex(16)
WITHIN_S = 60.0


PROCESSES = 3  # of one origin, at most: each serves its metrics on a port of its own, one after the other


def free_port(in_a_row: int = 1) -> int:
    """The first of so many ports in a row that nobody listens on."""
    while True:
        with ExitStack() as bound, suppress(OSError):
            first = 0
            for number in range(in_a_row):
                one = bound.enter_context(socket.socket())
                one.bind(("127.0.0.1", first and first + number))
                first = first or one.getsockname()[1]
            return first


@dataclass
class Origin:
    """A `kadr origin` of the tests' own on the stack's servers, with a lock; it can be stopped alone."""

    env: dict[str, str]
    port: int = field(default_factory=free_port)
    arguments: tuple[str, ...] = ()
    metrics_port: int = field(default_factory=lambda: free_port(in_a_row=PROCESSES))
    running: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def metrics_url(self, process: int = 0) -> str:
        return f"http://127.0.0.1:{self.metrics_port + process}/metrics"

    async def start(self) -> None:
        env = {**self.env, "KADR_ORIGIN_PORT": str(self.port), "KADR_METRICS_PORT": str(self.metrics_port)}
        self.running = await start("origin", *self.arguments, env=env)
        deadline = time.monotonic() + WITHIN_S * runs.patience()
        while True:
            assert self.running.returncode is None, "the origin has ended"
            assert time.monotonic() < deadline
            try:
                if (await fetch(f"{self.url}/health/ready")).status == 200:
                    return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.1)

    async def stop(self) -> int:
        assert self.running is not None
        if self.running.returncode is None:
            self.running.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.running.wait(), WITHIN_S * runs.patience())


def origin_env(stack: Stack, folder: Path) -> dict[str, str]:
    return {
        **servers_env(stack),
        "KADR_ORIGIN_LOCK_KEYS": f"other:{'0' * 32},k1:{LOCK}",
        "KADR_ORIGIN_CACHE_DIR": str(folder / "cache"),
    }


@asynccontextmanager
async def origin_of(stack: Stack, folder: Path, *arguments: str, **env: str) -> AsyncIterator[Origin]:
    origin = Origin({**origin_env(stack, folder), **env}, arguments=arguments)
    try:
        await origin.start()
        yield origin
    finally:
        assert await origin.stop() == 0
