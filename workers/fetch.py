"""fetch: a URL of the owner's, or the source of another asset -> one worker-only source object.

Either is read once, here: what the URL's server answers later, or that the other asset is deleted, changes nothing.
"""

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from core import assets, public_fetch
from core.errors import ObjectMissing, Rejected, Transient
from core.model import AssetId
from workers.stage import Assignment, Outcome, Tools
from workers.store_source import store_source


async def fetch(tools: Tools, work: Assignment) -> Outcome:
    """The file on this machine, hashed, stored and kept for the probe. Raises Rejected or Transient."""
    scratch = tools.sources.scratch()
    try:
        sha256 = await fetched(tools, work, work.step.input, scratch)
        return await store_source(tools, work, scratch, sha256=sha256)
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)


async def fetched(tools: Tools, work: Assignment, wanted: Mapping[str, str], scratch: Path) -> str:
    """The file behind a `url`, or the source of the asset `clip_of`, as `scratch`; its SHA-256."""
    if "clip_of" in wanted:
        return await _copy(tools, AssetId(wanted["clip_of"]), scratch)
    return await _download(tools, work, wanted["url"], scratch)


async def _download(tools: Tools, work: Assignment, url: str, scratch: Path) -> str:
    """One download; its SHA-256. Raises what core.public_fetch raises."""
    settings = tools.settings

    def on_bytes(received: int, announced: int | None) -> None:
        work.progress(0.7 * received / (announced or settings.max_upload_bytes))

    try:
        return await public_fetch.fetch(
            url,
            scratch,
            max_bytes=settings.max_upload_bytes,
            timeout_s=settings.input_url_timeout_s,
            allowed_networks=settings.input_url_networks,
            on_bytes=on_bytes,
        )
    except Transient as exc:
        if work.step.attempts + 1 < settings.max_attempts:
            raise
        # The last attempt: that server is not ours to mend, so its owner is told, not operators.
        raise Rejected("input_url_failed", str(exc), "Check that the address works, then retry the asset.") from exc


async def _copy(tools: Tools, original_id: AssetId, scratch: Path) -> str:
    """The source of another asset under a second name; its SHA-256."""
    gone = Rejected(
        "no_source", "The video that this one is a part of is gone.", "Upload the file again and trim that."
    )
    original = await assets.by_id(tools.pool, original_id)
    if original is None or original.deleted_at or not original.source_key or not original.source_sha256:
        raise gone
    try:
        source = await tools.sources.fetch(
            tools.storage, tools.settings.media_bucket, original.source_key, original.source_sha256
        )
    except ObjectMissing as exc:
        raise gone from exc
    await asyncio.to_thread(second_name, source, scratch)
    return original.source_sha256


def second_name(source: Path, scratch: Path) -> None:
    """No bytes are copied where the disk can do without."""
    try:
        os.link(source, scratch)
    except OSError:
        shutil.copyfile(source, scratch)
