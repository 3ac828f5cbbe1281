"""The common end of accept and fetch: a whole, hashed file on this machine -> the asset's worker-only source."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from core import assets, keys, metrics
from core.db import Connection
from core.model import StepKind
from workers.stage import Assignment, Outcome, Tools


async def store_source(
    tools: Tools,
    work: Assignment,
    scratch: Path,
    *,
    sha256: str,
    afterwards: Callable[[], Awaitable[None]] | None = None,
) -> Outcome:
    """Store the file, keep it here for the probe (`scratch` is gone then), and owe the probe."""
    size_bytes = (await asyncio.to_thread(scratch.stat)).st_size
    key = keys.source(work.asset.id, sha256)
    await tools.storage.put_file(tools.settings.media_bucket, key, scratch)
    await tools.sources.keep(scratch, sha256)
    metrics.BYTES.labels("accepted").inc(size_bytes)

    async def effect(connection: Connection) -> None:
        await assets.accepted(connection, work.asset.id, key, sha256, size_bytes)

    return Outcome(
        output={"sha256": sha256, "bytes": size_bytes},
        effect=effect,
        then=((StepKind.PROBE, {"source": sha256}),),
        afterwards=afterwards,
    )
