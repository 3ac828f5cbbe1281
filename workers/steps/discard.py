"""discard: remove what an upload left in the uploads bucket, also where its client never came back.

An upload that has expired while all its parts had arrived is completed instead: its last call was lost, not its bytes.
"""

from core.db import uploads
from core.db.postgres import Connection
from core.model import UploadId, UploadStatus
from core.storage import keys
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext


async def discard(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Complete, expire or clear the upload.

    Nothing is removed of an upload whose accept step is under way, or may be retried.
    """
    upload_id = UploadId(claimed.step.input["upload_id"])
    upload = await uploads.by_id(worker.pool, upload_id)
    bucket = worker.settings.uploads_bucket
    if upload is not None and upload.status is UploadStatus.OPEN:
        open_upload = upload
        arrived = await uploads.arrived_parts(worker.storage, bucket, upload_id)
        if not uploads.missing_parts(upload, arrived):

            async def complete(connection: Connection) -> None:
                await uploads.complete(connection, open_upload)

            return Outcome(output={"completed": True}, on_commit=complete)

        async def expire(connection: Connection) -> None:
            await uploads.abandon(connection, open_upload, UploadStatus.EXPIRED)

        return Outcome(on_commit=expire, after_commit=lambda: _remove(worker, upload_id))
    accepted = claimed.asset.accepted_at is not None or claimed.step.input.get("refused")
    if upload is not None and upload.status is UploadStatus.COMPLETED and not accepted:
        return Outcome(output={"kept": True})  # being accepted, or given up after failures of ours and may be retried
    await _remove(worker, upload_id)
    return Outcome(output={"removed": True})


async def _remove(worker: WorkerContext, upload_id: UploadId) -> None:
    await worker.storage.delete_below(worker.settings.uploads_bucket, keys.upload_prefix(upload_id))
