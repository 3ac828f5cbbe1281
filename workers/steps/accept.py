"""accept: the uploaded parts -> one checked, worker-only source object.

From here on the presigned URLs are harmless: whatever is written through them is never read again.
"""

import asyncio
import hashlib

from core.db import uploads
from core.errors import KadrError, ObjectMissing, Rejected
from core.media.head import Head
from core.model import UploadId
from core.settings import MIB
from core.storage import keys
from transcode.probe import sniff
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.store_source import store_source

# From here on a file that is no video is refused by its first bytes, before it is copied. A smaller one is soon copied;
# its probe says the same, and can be tried again.
LOOKED_AT_FIRST_BYTES = 64 * MIB


async def accept(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Download the parts once, hashed on the way, and store them as the source; the local copy stays for the probe.

    Raises Rejected: size_mismatch, checksum_mismatch, not_media, unsupported_container.
    """
    settings, storage = worker.settings, worker.storage
    upload = await uploads.by_id(worker.pool, UploadId(claimed.step.input["upload_id"]))
    if upload is None:
        raise KadrError("an accept step without its upload")

    async def remove_parts() -> None:
        await storage.delete_below(settings.uploads_bucket, keys.upload_prefix(upload.id))

    scratch = worker.sources.scratch()
    try:
        look = sniff.container if upload.size_bytes >= LOOKED_AT_FIRST_BYTES else _accepted
        digest, received, head = hashlib.sha256(), 0, Head(look)
        with scratch.open("wb") as out:
            for number, size in enumerate(upload.part_sizes, start=1):
                start = received
                try:
                    async for block in storage.stream(settings.uploads_bucket, keys.upload_part(upload.id, number)):
                        head.took(block)
                        await asyncio.to_thread(out.write, block)
                        await asyncio.to_thread(digest.update, block)
                        received += len(block)
                        claimed.progress(0.7 * received / upload.size_bytes)
                except ObjectMissing as exc:
                    raise _mismatch(f"Part {number} of the upload is gone.") from exc
                if received - start != size:
                    raise _mismatch(f"Part {number} has {received - start} bytes, {size} were announced.")
        head.end()
        sha256 = digest.hexdigest()
        if upload.sha256 and upload.sha256 != sha256:
            raise Rejected(
                "checksum_mismatch",
                "The bytes that arrived are not those whose SHA-256 was announced.",
                "Upload the file again; if it happens again, check the file on your disk.",
            )
        return await store_source(worker, claimed, scratch, sha256=sha256, after_commit=remove_parts)
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)


def _accepted(head: bytes) -> None:
    """Small files are left to the probe."""


def _mismatch(message: str) -> Rejected:
    return Rejected("size_mismatch", message, "Upload the file again and do not change its parts after completing.")
