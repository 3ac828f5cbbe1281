"""fetch: a URL of the owner's -> one worker-only source object.

The URL is read once, here: what its server answers later changes nothing.
"""

import asyncio

from core import public_fetch
from workers.stage import Assignment, Outcome, Tools
from workers.store_source import store_source


async def fetch(tools: Tools, work: Assignment) -> Outcome:
    """One download, hashed on the way and kept for the probe. Raises what core.public_fetch raises."""
    settings = tools.settings
    scratch = tools.sources.scratch()

    def on_bytes(received: int, announced: int | None) -> None:
        work.progress(0.7 * received / (announced or settings.max_upload_bytes))

    try:
        sha256 = await public_fetch.fetch(
            work.step.input["url"],
            scratch,
            max_bytes=settings.max_upload_bytes,
            timeout_s=settings.input_url_timeout_s,
            allowed_networks=settings.input_url_networks,
            on_bytes=on_bytes,
        )
        size_bytes = (await asyncio.to_thread(scratch.stat)).st_size
        return await store_source(tools, work, scratch, sha256=sha256, size_bytes=size_bytes)
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)
