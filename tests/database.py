"""Rows for tests on a database alone."""

import asyncio

from core.db import assets, postgres
from core.db.assets import NewAsset
from core.model import AssetId, OwnerId, Policy, new_id
from tests import runs

OWNER = OwnerId("ow_test")


async def new_owner(pool: postgres.Pool, name: str, weight: float = 1.0) -> OwnerId:
    """Another owner than OWNER, with this share of the workers."""
    await pool.execute("INSERT INTO owners (id, name, weight) VALUES ($1, $1, $2)", f"ow_{name}", weight)
    return OwnerId(f"ow_{name}")


async def new_asset(pool: postgres.Pool, owner: OwnerId = OWNER) -> AssetId:
    """A processing asset of this owner."""
    asset_id = AssetId(new_id("as"))
    async with pool.acquire() as connection, connection.transaction():
        await assets.insert(
            connection,
            NewAsset(
                id=asset_id,
                owner_id=owner,
                title="a",
                ref_type=None,
                ref_id=None,
                policy=Policy.PUBLIC,
                language=None,
            ),
        )
        await assets.under_way(connection, asset_id)
    return asset_id


async def until_readable(pool: postgres.Pool) -> None:
    """Until readers of the outbox see what has been written: no transaction of any database is older than that."""
    (now,) = await pool.fetchrow("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
    async with asyncio.timeout(60 * runs.patience()):
        while not await pool.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot()) >= $1::text::xid8", now):
            await asyncio.sleep(0.02)


async def until_waiting(pool: postgres.Pool) -> None:
    """Until somebody waits for a lock in this database."""
    async with asyncio.timeout(20):
        while not await pool.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ):
            await asyncio.sleep(0.02)
