"""fetch: a URL of the owner's, or the source of another asset -> one worker-only source object.

Either is read once, here: what the URL's server answers later, or that the other asset is deleted, changes nothing.
"""

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from core.db import assets
from core.errors import ObjectMissing, Rejected, Transient
from core.http import public_fetch
from core.model import AssetId
from transcode.probe import sniff
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.store_source import store_source


async def fetch(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Fetch the file, store it as the source and keep the local copy for the probe. Raises Rejected or Transient."""
    scratch = worker.sources.scratch()
    try:
        sha256 = await fetch_file(worker, claimed, claimed.step.input, scratch)
        return await store_source(worker, claimed, scratch, sha256=sha256)
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)


async def fetch_file(worker: WorkerContext, claimed: ClaimedStep, location: Mapping[str, str], scratch: Path) -> str:
    """Write the file behind a `url`, or the source of the asset `clip_of`, to `scratch`; its SHA-256 in hex."""
    if "clip_of" in location:
        return await _copy(worker, AssetId(location["clip_of"]), scratch)
    return await _download(worker, claimed, location["url"], scratch)


async def _download(worker: WorkerContext, claimed: ClaimedStep, url: str, scratch: Path) -> str:
    """One download; the SHA-256 in hex.

    Raises Transient where the other server fails, and on the last attempt Rejected(input_url_failed).
    """
    settings = worker.settings

    def on_bytes(received: int, announced: int | None) -> None:
        claimed.progress(0.7 * received / (announced or settings.max_upload_bytes))

    try:
        return await public_fetch.fetch(
            url,
            scratch,
            max_bytes=settings.max_upload_bytes,
            timeout_s=settings.input_url_timeout_s,
            min_bytes_per_s=settings.input_url_min_bytes_per_s,
            allowed_networks=settings.input_url_networks,
            on_bytes=on_bytes,
            on_head=sniff.container,
        )
    except Transient as exc:
        if claimed.step.attempts + 1 < settings.max_attempts:
            raise
        # The last attempt: the operators cannot repair that server, so the error goes to the asset's owner.
        raise Rejected("input_url_failed", str(exc), "Check that the address works, then retry the asset.") from exc


async def _copy(worker: WorkerContext, original_id: AssetId, scratch: Path) -> str:
    """The source of another asset under a second name; its SHA-256 in hex. Raises Rejected(no_source)."""
    removed = Rejected(
        "no_source", "The video that this one is a part of is gone.", "Upload the file again and trim that."
    )
    original = await assets.by_id(worker.pool, original_id)
    if original is None or original.deleted_at or not original.source_key or not original.source_sha256:
        raise removed
    try:
        source = await worker.local_copy(original.source_key, original.source_sha256)
    except ObjectMissing as exc:
        raise removed from exc
    await asyncio.to_thread(link_or_copy, source, scratch)
    return original.source_sha256


def link_or_copy(source: Path, scratch: Path) -> None:
    """Hard-link the file, or copy it where the file system cannot link."""
    try:
        os.link(source, scratch)
    except OSError:
        shutil.copyfile(source, scratch)
