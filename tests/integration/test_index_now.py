"""Engines of IndexNow are told of listed pages that change: a server that takes messages, over a database."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from core.db.postgres import Pool
from core.errors import Transient
from core.settings import Settings
from tests.database import until_readable
from tests.listed import SITES, change, public
from workers.engine import index_now, sitemap_keeper

KEY = "0123456789abcdef"


class Engine:
    """Answers `status` and keeps what it was sent."""

    def __init__(self) -> None:
        self.status = 200
        self.taken: list[Any] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        self.taken.append(await request.json())
        return web.Response(status=self.status)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["Engine"]:
        app = web.Application()
        app.router.add_post("/indexnow", self.take)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/indexnow"
        try:
            yield self
        finally:
            await runner.cleanup()


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with Engine().running() as running:
        yield running


def settings_of(engine: Engine, key: str | None = KEY) -> Settings:
    return Settings(site_url=SITES.pages, indexnow_key=key, indexnow_url=engine.url)


async def test_what_is_added_and_removed_is_told_once(pool: Pool, engine: Engine) -> None:
    one, other = await public(pool), await public(pool)
    await change(pool, other, page_url="https://elsewhere.example/other")
    await sitemap_keeper.keep(pool, SITES)
    await until_readable(pool)
    url = f"{SITES.pages}/watch/{one}"
    assert await index_now.tell(settings_of(engine), pool) == 1
    expected = {"host": "shop.example.org", "key": KEY, "keyLocation": f"{SITES.pages}/{KEY}.txt", "urlList": [url]}
    assert engine.taken == [expected], "a page on another host is not ours to tell of"
    assert await index_now.tell(settings_of(engine), pool) == 0
    await change(pool, one, deleted_at=datetime.now(UTC))
    await sitemap_keeper.keep(pool, SITES)
    await until_readable(pool)
    assert await index_now.tell(settings_of(engine), pool) == 1
    assert engine.taken[1]["urlList"] == [url]


async def test_what_was_not_taken_is_sent_again(pool: Pool, engine: Engine) -> None:
    await public(pool)
    await sitemap_keeper.keep(pool, SITES)
    await until_readable(pool)
    engine.status = 429
    with pytest.raises(Transient, match="429"):
        await index_now.tell(settings_of(engine), pool)
    engine.status = 202
    assert await index_now.tell(settings_of(engine), pool) == 1
    assert engine.taken[0] == engine.taken[1]


async def test_what_is_refused_is_not_sent_for_ever(pool: Pool, engine: Engine) -> None:
    await public(pool)
    await sitemap_keeper.keep(pool, SITES)
    await until_readable(pool)
    engine.status = 403
    await index_now.tell(settings_of(engine), pool)
    await index_now.tell(settings_of(engine), pool)
    assert len(engine.taken) == 1


async def test_without_a_key_nobody_is_told(pool: Pool, engine: Engine) -> None:
    await public(pool)
    await sitemap_keeper.keep(pool, SITES)
    await until_readable(pool)
    assert await index_now.tell(settings_of(engine, None), pool) == 0
    assert engine.taken == []
