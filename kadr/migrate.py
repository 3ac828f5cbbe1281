"""`kadr migrate`: the database up to date, the buckets there, and on a first start one owner with one API key."""

from core import db, owners
from core.logs import Log
from core.model import OwnerId
from core.settings import Settings

_LOG = Log("migrate")
FIRST_OWNER = OwnerId("ow_default")


async def migrate(settings: Settings, first_api_key: str | None, *, buckets: bool = True) -> None:
    """Idempotent. `first_api_key` makes sure that an owner with this key exists; `buckets` that both of them do."""
    pool = await db.connect(settings)
    try:
        _LOG.info("migrated", applied=await db.migrate(pool))
        if first_api_key:
            await owners.ensure(pool, FIRST_OWNER, "Default owner", first_api_key)
    finally:
        await pool.close()
    if not buckets:
        return
    from core import storage  # the S3 client is half of what this program loads

    async with storage.connect(settings) as stored:
        for bucket in (settings.uploads_bucket, settings.media_bucket):
            await stored.ensure_bucket(bucket)
