"""Was this asset deleted or taken down? Asked where something is not there, so that caches learn it is so for good."""

import asyncpg

from core import db, sql
from core.db import Pool
from core.model import AssetId

_SQL = sql.load("gone")


async def is_gone(pool: Pool, asset_id: AssetId) -> bool:
    """False also where PostgreSQL does not say: a 404 that is kept for seconds does no harm."""
    try:
        return bool(await pool.fetchval(_SQL["is_gone"], asset_id, timeout=2))
    except (asyncpg.PostgresError, *db.UNAVAILABLE):
        return False
