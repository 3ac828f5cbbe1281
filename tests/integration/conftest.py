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
from tests.stack import Stack

OWNER = OwnerId("ow_test")


@pytest.fixture
async def pool(stack: Stack) -> AsyncIterator[db.Pool]:
    """An empty, migrated database, dropped afterwards."""
    url = stack.endpoints["database_url"]
    name = f"test_{secrets.token_hex(6)}"
    admin = await asyncpg.connect(url)
    await admin.execute(f'CREATE DATABASE "{name}"')
    own = urlsplit(url)._replace(path=f"/{name}").geturl()
    pool = await db.connect(Settings(database_url=SecretStr(own)))
    await db.migrate(pool)
    await pool.execute("INSERT INTO owners (id, name) VALUES ($1, 'test')", OWNER)
    yield pool
    await pool.close()
    await admin.execute(f'DROP DATABASE "{name}"')
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
