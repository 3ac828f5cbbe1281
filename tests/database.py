"""Rows for tests on a database alone."""

from core.db import assets, postgres
from core.db.assets import NewAsset
from core.model import AssetId, OwnerId, Policy, new_id

OWNER = OwnerId("ow_test")


async def new_asset(pool: postgres.Pool) -> AssetId:
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
