"""What was deleted or taken down leaves this origin's caches: memory within seconds, and the disk.

A revocation of an asset says so at once. What was missed, by an origin that was not running or that was filling a file
at that moment, is found by asking PostgreSQL about the assets of which files are on the disk.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager

import asyncpg

from core.concurrency import in_background, repeat_every
from core.db import postgres, sql
from core.model import AssetId
from core.storage import keys
from core.telemetry.logs import Log
from origin.context import Context

_LOG = Log("cache")
_SQL = sql.load("gone")
EVERY_S = 2.0
ASK_EVERY_S = 120.0
TIMEOUT_S = 10.0


class Deleted:
    """Drops what is gone. `look` is one round."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._dropped: set[AssetId] = set()
        self._ask_due = 0.0

    async def look(self) -> None:
        """Drop what has been revoked since the last round, and now and then what PostgreSQL says is deleted."""
        revoked = self._context.revoked.assets()
        if new := revoked - self._dropped:
            self._forget(new)
        self._dropped = revoked  # taken down, shown again and taken down again: dropped again
        if time.monotonic() >= self._ask_due:
            self._ask_due = time.monotonic() + ASK_EVERY_S
            await self._ask()

    async def _ask(self) -> None:
        kept = self._context.disk_cache.assets
        try:
            async with asyncio.timeout(TIMEOUT_S):
                rows = await self._context.pool.fetch(_SQL["gone_of"], list(kept)) if kept else []
        except (asyncpg.PostgresError, *postgres.UNAVAILABLE) as exc:
            _LOG.info("cache.not_asked", error=repr(exc))
            return
        if gone := {AssetId(row["id"]) for row in rows}:
            self._forget(gone)

    def _forget(self, assets: Collection[AssetId]) -> None:
        context = self._context
        context.disk_cache.forget(assets)
        context.stills.forget(assets)
        context.manifests.forget(lambda key: key[0] in assets)
        context.provisional.forget(lambda key: key[0] in assets)
        context.gzipped.forget(lambda file: keys.asset_of(file.key) in assets)
        context.transcripts.forget(lambda key: key.asset_id in assets)
        context.pictures.forget(lambda asset: asset in assets)
        context.content_keys.forget(lambda asset: asset in assets)


@asynccontextmanager
async def forgetting(context: Context) -> AsyncIterator[None]:
    """Rounds every EVERY_S for as long as the body runs."""
    async with in_background(repeat_every(EVERY_S, Deleted(context).look, _failed)):
        yield


def _failed(exc: Exception) -> None:
    _LOG.error("cache.not_forgotten", exc)
