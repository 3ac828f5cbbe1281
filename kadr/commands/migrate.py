"""`kadr migrate`: bring the schema up to date, create the buckets and, on a first start, an owner with an API key; and
`kadr migrate --check`, which says whether that was done.
"""

from collections.abc import Sequence

from core.db import owners, postgres
from core.db.owners import FIRST_OWNER
from core.db.restore import DatabaseRestored
from core.settings import Settings
from core.telemetry.logs import Log

_LOG = Log("migrate")


async def migrate(settings: Settings, first_api_key: str | None, *, buckets: bool = True) -> None:
    """Migrate the database; safe to repeat.

    With `first_api_key` an owner with this key is created unless it exists, with `buckets` both buckets are, and
    browsers are allowed to upload.
    """
    pool = await postgres.connect(settings)
    try:
        _LOG.info("migrated", applied=await postgres.migrate(pool))
        if first_api_key:
            await owners.ensure(pool, FIRST_OWNER, "Default owner", first_api_key)
    finally:
        await pool.close()
    if not buckets:
        return
    from core.storage import s3  # imported here: the S3 client is half of the import time

    async with s3.connect(settings) as store:
        for bucket in (settings.uploads_bucket, settings.media_bucket):
            await store.ensure_bucket(bucket)
        allowed = await store.allow_browser_uploads(settings.uploads_bucket)
    log = _LOG.info if allowed in (s3.BrowserUploads.ALLOWED, s3.BrowserUploads.SET) else _LOG.warning
    log("bucket.browser_uploads", bucket=settings.uploads_bucket, cors=allowed, rule=s3.BROWSER_RULE)


async def check(settings: Settings) -> str | None:
    """Why the programs of this release cannot start on the database yet, as a sentence; None where they can.

    Nothing is changed. Raises KadrError where PostgreSQL does not answer.
    """
    try:
        pool = await postgres.connect(settings, require_repaired=True)
    except DatabaseRestored as exc:
        return str(exc)
    try:
        return missing_text(await postgres.not_applied(pool))
    finally:
        await pool.close()


def missing_text(missing: Sequence[str]) -> str | None:
    """The sentence about what `postgres.not_applied` has found; None where that is nothing. Pure."""
    if not missing:
        return None
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return f"the database lacks {missing[0]}{more} of this release: `kadr migrate` has not run yet"
