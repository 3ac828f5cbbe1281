"""The common end of accept and fetch: a whole, hashed file on this machine -> the asset's worker-only source."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from core.db import assets
from core.db.postgres import Connection
from core.model import StepKind
from core.settings import GIB
from core.storage import keys
from core.telemetry import metrics
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext

LONG_PROBE_BYTES = 2 * GIB  # from here on reading every packet is minutes of the disk


async def store_source(
    worker: WorkerContext,
    claimed: ClaimedStep,
    scratch: Path,
    *,
    sha256: str,
    after_commit: Callable[[], Awaitable[None]] | None = None,
) -> Outcome:
    """Store the file, make `scratch` the local copy for the probe, and queue the probe.

    The output is {"sha256": hex, "bytes": size}.
    """
    size_bytes = (await asyncio.to_thread(scratch.stat)).st_size
    key = keys.source(claimed.asset.id, sha256)
    await worker.storage.put_file(worker.settings.media_bucket, key, scratch)
    await worker.sources.keep(scratch, sha256)
    metrics.BYTES.labels("accepted").inc(size_bytes)

    async def on_commit(connection: Connection) -> None:
        await assets.accepted(connection, claimed.asset.id, key, sha256, size_bytes)

    return Outcome(
        output={"sha256": sha256, "bytes": size_bytes},
        on_commit=on_commit,
        next_steps=((StepKind.LONG_PROBE if size_bytes >= LONG_PROBE_BYTES else StepKind.PROBE, {"source": sha256}),),
        after_commit=after_commit,
    )
