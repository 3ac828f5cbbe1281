"""A database of its own, migrated, on the stack's PostgreSQL: for tests that play worker themselves."""

import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest
from playwright.async_api import Browser, async_playwright
from pydantic import SecretStr

from core.db import postgres
from core.settings import Settings
from tests import catalogue, runs
from tests.browsers import ARGUMENTS, CHROMIUM, SHAKA, serving_two_players
from tests.database import OWNER
from tests.stack import Stack

TEMPLATE = "test_template"


@pytest.fixture(scope="session")
async def template(stack: Stack) -> str:
    """The name of a migrated database with OWNER in it; made once per run, and nobody connects to it."""
    made = runs.folder() / TEMPLATE
    async with runs.locked_async(TEMPLATE):
        if not made.exists():
            admin = await asyncpg.connect(stack.endpoints["database_url"])
            await admin.execute(f"CREATE DATABASE {TEMPLATE}")
            await admin.close()
            pool = await postgres.connect(Settings(database_url=SecretStr(_url_of(stack, TEMPLATE))))
            await postgres.migrate(pool)
            await pool.execute("INSERT INTO owners (id, name) VALUES ($1, 'test')", OWNER)
            await pool.close()
            made.touch()
    return TEMPLATE


def _url_of(stack: Stack, database: str) -> str:
    return urlsplit(stack.endpoints["database_url"])._replace(path=f"/{database}").geturl()


@pytest.fixture
async def pool(stack: Stack, template: str) -> AsyncIterator[postgres.Pool]:
    """A migrated database with OWNER and nothing else, dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(stack.endpoints["database_url"])
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    pool = await postgres.connect(Settings(database_url=SecretStr(_url_of(stack, name))))
    yield pool
    await pool.close()
    await admin.execute(f"DROP DATABASE {name}")
    await admin.close()


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium per process; each test opens pages of its own in it."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    async with async_playwright() as running:
        opened = await running.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield opened
        await opened.close()


@pytest.fixture(scope="session")
async def page_url() -> AsyncIterator[str]:
    """A page with hls.js and Shaka Player on another origin than the media."""
    if not SHAKA.exists():
        pytest.skip("shaka-player is not installed (make test does)")
    async with serving_two_players() as url:
        yield url


@pytest.fixture(scope="session")
def title(stack: Stack) -> Callable[[str], Awaitable[Any]]:
    """Gives the asset of tests.catalogue.TITLES with this name, which nobody may change."""

    async def of(name: str) -> Any:
        return await catalogue.title(stack, name)

    return of
