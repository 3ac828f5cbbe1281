"""delete: remove every object of a deleted asset, its uploads included. Its rows stay, marked, for the record."""

from core import keys, uploads
from workers.stage import Assignment, Outcome, Tools


async def delete(tools: Tools, work: Assignment) -> Outcome:
    settings, storage = tools.settings, tools.storage
    removed = await storage.delete_below(settings.media_bucket, keys.asset_prefix(work.asset.id))
    async with tools.pool.acquire() as connection:
        upload_ids = await uploads.of_asset(connection, work.asset.id)
    for upload_id in upload_ids:
        removed += await storage.delete_below(settings.uploads_bucket, keys.upload_prefix(upload_id))
    return Outcome(output={"removed": removed})
