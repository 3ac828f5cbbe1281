"""Revisions that are still being made, read from PostgreSQL at most twice a second each, however many watch."""

import asyncio
import time
from collections import OrderedDict

from core import growing
from core.db import Pool
from core.growing import Growing
from core.model import AssetId, RevisionId

KEPT = 256
FRESH_S = 0.5


class GrowingRevisions:
    """The newest KEPT, each as it was at most FRESH_S ago. Many asking for the same one read it once."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._kept: OrderedDict[tuple[AssetId, RevisionId], tuple[float, asyncio.Task[Growing | None]]] = OrderedDict()

    async def get(self, asset_id: AssetId, revision_id: RevisionId) -> Growing | None:
        """None where there is no such revision."""
        key, now = (asset_id, revision_id), time.monotonic()
        read_at, reading = self._kept.get(key, (0.0, None))
        if reading is None or now - read_at > FRESH_S:
            reading = asyncio.ensure_future(growing.read(self._pool, asset_id, revision_id))
            self._kept[key] = (now, reading)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        # One viewer leaving must not cancel the read the others wait for.
        return await asyncio.shield(reading)
