"""Whether an asset was deleted or taken down: decides between 410, which caches may keep, and 404."""

import asyncpg

from core.db import postgres, sql
from core.db.postgres import Pool
from core.model import AssetId

_SQL = sql.load("gone")


async def is_gone(pool: Pool, asset_id: AssetId) -> bool:
    """False also where PostgreSQL does not answer: a 404 that caches keep for seconds does no harm."""
    try:
        return bool(await pool.fetchval(_SQL["is_gone"], asset_id, timeout=2))
    except (asyncpg.PostgresError, *postgres.UNAVAILABLE):
        return False
