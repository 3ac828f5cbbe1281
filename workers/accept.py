"""accept: the uploaded parts -> one checked, worker-only source object.

From here on the presigned URLs are harmless: whatever is written through them is never read again.
"""

import asyncio
import hashlib

from core import assets, keys, uploads
from core.db import Connection
from core.errors import KadrError, ObjectMissing, Rejected
from core.model import StepKind, UploadId
from workers.stage import Assignment, Outcome, Tools


async def accept(tools: Tools, work: Assignment) -> Outcome:
    """One download of the parts, hashed on the way and kept for the probe. Raises Rejected(size_mismatch, ...)."""
    settings, storage = tools.settings, tools.storage
    upload = await uploads.by_id(tools.pool, UploadId(work.step.input["upload_id"]))
    if upload is None:
        raise KadrError("an accept step without its upload")
    scratch = tools.sources.scratch()
    try:
        digest, received = hashlib.sha256(), 0
        with scratch.open("wb") as out:
            for number, size in enumerate(upload.part_sizes, start=1):
                start = received
                try:
                    async for block in storage.stream(settings.uploads_bucket, keys.upload_part(upload.id, number)):
                        await asyncio.to_thread(out.write, block)
                        await asyncio.to_thread(digest.update, block)
                        received += len(block)
                        work.progress(0.7 * received / upload.size_bytes)
                except ObjectMissing as exc:
                    raise _mismatch(f"Part {number} of the upload is gone.") from exc
                if received - start != size:
                    raise _mismatch(f"Part {number} has {received - start} bytes, {size} were announced.")
        sha256 = digest.hexdigest()
        if upload.sha256 and upload.sha256 != sha256:
            raise Rejected(
                "checksum_mismatch",
                "The bytes that arrived are not those whose SHA-256 was announced.",
                "Upload the file again; if it happens again, check the file on your disk.",
            )
        key = keys.source(work.asset.id, sha256)
        await storage.put_file(settings.media_bucket, key, scratch)
        await tools.sources.keep(scratch, sha256)
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)

    async def effect(connection: Connection) -> None:
        await assets.accepted(connection, work.asset.id, key, sha256, received)

    return Outcome(
        output={"sha256": sha256, "bytes": received},
        effect=effect,
        then=((StepKind.PROBE, {"source": sha256}),),
        afterwards=lambda: discard_parts(tools, upload.id),
    )


async def discard_parts(tools: Tools, upload_id: UploadId) -> None:
    """They have been copied, or refused for good."""
    await tools.storage.delete_below(tools.settings.uploads_bucket, keys.upload_prefix(upload_id))


def _mismatch(message: str) -> Rejected:
    return Rejected("size_mismatch", message, "Upload the file again and do not change its parts after completing.")
