"""delete: remove every object of a deleted asset, its uploads included. Its rows stay, marked, for the record."""

from core.db import uploads
from core.storage import keys
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext


async def delete(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Remove the objects; the output is {"removed": how many}."""
    settings, storage = worker.settings, worker.storage
    removed = await storage.delete_below(settings.media_bucket, keys.asset_prefix(claimed.asset.id))
    async with worker.pool.acquire() as connection:
        upload_ids = await uploads.of_asset(connection, claimed.asset.id)
    for upload_id in upload_ids:
        removed += await storage.delete_below(settings.uploads_bucket, keys.upload_prefix(upload_id))
    return Outcome(output={"removed": removed})
