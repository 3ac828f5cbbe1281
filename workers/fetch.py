"""fetch: a URL of the owner's -> one worker-only source object.

The URL is read once, here: what its server answers later changes nothing.
"""

import asyncio

from core import public_fetch
from core.errors import Rejected, Transient
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
    except Transient as exc:
        if work.step.attempts + 1 < settings.max_attempts:
            raise
        # The last attempt: that server is not ours to mend, so its owner is told, not operators.
        raise Rejected("input_url_failed", str(exc), "Check that the address works, then retry the asset.") from exc
    else:
        return await store_source(tools, work, scratch, sha256=sha256)
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)
