"""Keys change while people watch: two origins behind one nginx, restarted one after the other, and nobody is refused.

Skipped by name where there is no nginx.
"""

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import pytest
from yarl import URL

from benchmarks.delivery import edge
from core.model import PlaybackId
from core.tokens import playback_token
from core.tokens.playback_token import Claims
from tests.catalogue import Titles
from tests.lone_origin import Origin, free_port, origin_of
from tests.stack import Stack
from tests.waiting import until
from tests.web import fetch, refused

NGINX = edge.binary()
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not on this machine")
VIEWERS = 20
# Both origins, and a request that one of them did not answer goes to the other.
BALANCED = """
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    proxy_temp_path {folder}/proxy;
    client_body_temp_path {folder}/body;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    upstream origins {{ server 127.0.0.1:{one} max_fails=0; server 127.0.0.1:{two} max_fails=0; keepalive 16; }}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass http://origins;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header Host $http_host;
            proxy_next_upstream error timeout;
            proxy_next_upstream_tries 4;
        }}
    }}
}}
"""


@dataclass
class Audience:
    """Viewers who start sessions and read on in them, again and again. `key` is what the application signs with."""

    base: str
    playback_id: str
    key: dict[str, bytes]
    begun: int = 0
    read: int = 0
    failed: list[str] = field(default_factory=list)
    rounds: Counter[int] = field(default_factory=Counter)

    def token(self) -> str:
        claims = Claims(
            playback_id=PlaybackId(self.playback_id),
            session=playback_token.new_session(),
            expires_at=int(time.time()) + 600,
        )
        return playback_token.sign(claims, self.key)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        async with aiohttp.ClientSession() as session:
            viewers = [asyncio.create_task(self._watch(session, viewer)) for viewer in range(VIEWERS)]
            yield
            for viewer in viewers:
                viewer.cancel()
            await asyncio.wait(viewers)
            for viewer in viewers:
                assert viewer.cancelled() or viewer.exception() is None

    async def all_go_on(self) -> None:
        """Wait until every viewer has started two more sessions: the ones under way now are over then."""
        now = dict(self.rounds)

        async def rounds() -> int:
            return min(self.rounds[viewer] - now.get(viewer, 0) for viewer in range(VIEWERS))

        await until(rounds, lambda fewest: fewest >= 2)

    async def _watch(self, session: aiohttp.ClientSession, viewer: int) -> None:
        while True:
            self.rounds[viewer] += 1
            start = f"{self.base}/play/{self.playback_id}/index.m3u8?token={self.token()}"
            text = await self._get(session, start)
            self.begun += 1
            paths = [line for line in text.splitlines() if line and not line.startswith("#")]
            for _ in range(3):
                for path in paths:
                    self.read += await self._get(session, urljoin(start, path)) != ""
                await asyncio.sleep(0.05)

    async def _get(self, session: aiohttp.ClientSession, url: str) -> str:
        async with session.get(URL(url, encoded=True)) as answer:
            text = await answer.text()
            if answer.status == 200:
                return text
        self.failed.append(f"{answer.status} {url[-120:]} {text[:200]}")
        return ""


@pytest.fixture
async def origins(stack: Stack, tmp_path: Path) -> AsyncIterator[list[Origin]]:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    async with origin_of(stack, tmp_path / "one") as one, origin_of(stack, tmp_path / "two") as two:
        yield [one, two]


async def restart(origins: list[Origin], **env: str) -> None:
    """One after the other, as an operator would."""
    for origin in origins:
        origin.env |= env
        assert await origin.stop() == 0
        await origin.start()


async def test_keys_rotate_without_a_failed_request(
    stack: Stack, title: Titles, origins: list[Origin], tmp_path: Path
) -> None:
    asset = await title("signed")
    old = json.loads((stack.home / "secrets.json").read_text())
    new = {"playback": secrets.token_hex(32), "delivery": secrets.token_hex(32)}
    both = {
        name: (f"k1:{old[f'{name}_key']}", f"k2:{new[name]}") for name in ("playback", "delivery")
    }  # the first signs, all are taken
    folder, port = tmp_path / "balancer", free_port()
    folder.mkdir()
    config = BALANCED.format(folder=folder, port=port, one=origins[0].port, two=origins[1].port)
    assert NGINX is not None
    async with edge.running(NGINX, folder, config, port):
        keys = {"k1": bytes.fromhex(old["playback_key"])}
        audience = Audience(f"http://127.0.0.1:{port}", asset["playback_ids"][0]["id"], keys)
        before = audience.token()
        async with audience.watching():
            await restart(origins, **settings(both, "k1", "k2"))
            audience.key = {"k2": bytes.fromhex(new["playback"])}
            await restart(origins, **settings(both, "k2", "k1"))
            await audience.all_go_on()  # what was begun with the first key is over by then
            await restart(origins, **settings(both, "k2"))
            begun, read = audience.begun, audience.read
            await audience.all_go_on()
        assert audience.failed == []
        assert begun > 3 * VIEWERS
        assert read > 10 * VIEWERS
        assert audience.begun > begun
        path = f"/play/{audience.playback_id}/index.m3u8?token="
        refused(await fetch(f"{audience.base}{path}{before}"), 403, "token_refused")
        assert (await fetch(f"{audience.base}{path}{audience.token()}")).status == 200


def settings(keys: dict[str, tuple[str, str]], *order: str) -> dict[str, str]:
    """The settings of an origin that has these keys, in this order."""
    return {
        f"KADR_{name.upper()}_KEYS": ",".join(key for kid in order for key in of_name if key.startswith(kid))
        for name, of_name in keys.items()
    }
