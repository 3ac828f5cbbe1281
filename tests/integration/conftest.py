"""A database of its own, migrated, on the stack's PostgreSQL: for tests that play worker themselves."""

import secrets
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from pydantic import SecretStr

from core import assets, db
from core.assets import NewAsset
from core.model import AssetId, OwnerId, Policy, new_id
from core.settings import Settings
from tests import runs
from tests.stack import Stack

OWNER = OwnerId("ow_test")
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
            pool = await db.connect(Settings(database_url=SecretStr(_url_of(stack, TEMPLATE))))
            await db.migrate(pool)
            await pool.execute("INSERT INTO owners (id, name) VALUES ($1, 'test')", OWNER)
            await pool.close()
            made.touch()
    return TEMPLATE


def _url_of(stack: Stack, database: str) -> str:
    return urlsplit(stack.endpoints["database_url"])._replace(path=f"/{database}").geturl()


@pytest.fixture
async def pool(stack: Stack, template: str) -> AsyncIterator[db.Pool]:
    """A migrated database with OWNER and nothing else, dropped afterwards."""
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(stack.endpoints["database_url"])
    await admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    pool = await db.connect(Settings(database_url=SecretStr(_url_of(stack, name))))
    yield pool
    await pool.close()
    await admin.execute(f"DROP DATABASE {name}")
    await admin.close()


async def new_asset(pool: db.Pool) -> AssetId:
    """A processing asset of OWNER."""
    asset_id = AssetId(new_id("as"))
    async with pool.acquire() as connection, connection.transaction():
        await assets.insert(
            connection,
            NewAsset(
                id=asset_id,
                owner_id=OWNER,
                title="a",
                ref_type=None,
                ref_id=None,
                policy=Policy.PUBLIC,
                language=None,
            ),
        )
        await assets.under_way(connection, asset_id)
    return asset_id
