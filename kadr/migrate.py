"""`kadr migrate`: the database up to date, the buckets there, and on a first start one owner with one API key."""

from core import db, owners, storage
from core.logs import Log
from core.model import OwnerId
from core.settings import Settings

_LOG = Log("migrate")
FIRST_OWNER = OwnerId("ow_default")


async def migrate(settings: Settings, first_api_key: str | None) -> None:
    """Idempotent. `first_api_key` makes sure that an owner with this key exists."""
    pool = await db.connect(settings)
    try:
        _LOG.info("migrated", applied=await db.migrate(pool))
        if first_api_key:
            await owners.ensure(pool, FIRST_OWNER, "Default owner", first_api_key)
    finally:
        await pool.close()
    async with storage.connect(settings) as stored:
        for bucket in (settings.uploads_bucket, settings.media_bucket):
            await stored.ensure_bucket(bucket)
