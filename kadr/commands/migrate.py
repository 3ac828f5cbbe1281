"""`kadr migrate`: the database up to date, the buckets there, and on a first start one owner with one API key."""

from core.db import owners, postgres
from core.model import OwnerId
from core.settings import Settings
from core.telemetry.logs import Log

_LOG = Log("migrate")
FIRST_OWNER = OwnerId("ow_default")


async def migrate(settings: Settings, first_api_key: str | None, *, buckets: bool = True) -> None:
    """Idempotent. `first_api_key` makes sure that an owner with this key exists; `buckets` that both of them do."""
    pool = await postgres.connect(settings)
    try:
        _LOG.info("migrated", applied=await postgres.migrate(pool))
        if first_api_key:
            await owners.ensure(pool, FIRST_OWNER, "Default owner", first_api_key)
    finally:
        await pool.close()
    if not buckets:
        return
    from core.storage import s3  # the S3 client is half of what this program loads

    async with s3.connect(settings) as stored:
        for bucket in (settings.uploads_bucket, settings.media_bucket):
            await stored.ensure_bucket(bucket)
