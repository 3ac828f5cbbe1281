"""discard: remove what an upload left in the uploads bucket. The backstop for clients that vanished, too.

An upload that has expired while all its parts had arrived is completed instead: its last call was lost, not its bytes.
"""

from core import keys, uploads
from core.db import Connection
from core.model import UploadId, UploadStatus
from workers.stage import Assignment, Outcome, Tools


async def discard(tools: Tools, work: Assignment) -> Outcome:
    upload_id = UploadId(work.step.input["upload_id"])
    upload = await uploads.by_id(tools.pool, upload_id)
    bucket = tools.settings.uploads_bucket
    if upload is not None and upload.status is UploadStatus.OPEN:
        open_upload = upload
        arrived = await uploads.arrived_parts(tools.storage, bucket, upload_id)
        if not uploads.missing_parts(upload, arrived):

            async def complete(connection: Connection) -> None:
                await uploads.complete(connection, open_upload)

            return Outcome(output={"completed": True}, effect=complete)

        async def expire(connection: Connection) -> None:
            await uploads.abandon(connection, open_upload, UploadStatus.EXPIRED)

        return Outcome(effect=expire, afterwards=lambda: _remove(tools, upload_id))
    accepted = work.asset.accepted_at is not None or work.step.input.get("refused")
    if upload is not None and upload.status is UploadStatus.COMPLETED and not accepted:
        return Outcome(output={"kept": True})  # being accepted, or given up after failures of ours and may be retried
    await _remove(tools, upload_id)
    return Outcome(output={"removed": True})


async def _remove(tools: Tools, upload_id: UploadId) -> None:
    await tools.storage.delete_below(tools.settings.uploads_bucket, keys.upload_prefix(upload_id))
