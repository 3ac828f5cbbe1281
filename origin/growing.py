"""Revisions that are still being made, read from PostgreSQL at most twice a second each, however many watch."""

from core import growing
from core.db import Pool
from core.growing import Growing
from core.model import AssetId, RevisionId
from origin.fresh import Fresh

KEPT = 256
FRESH_S = 0.5


class GrowingRevisions:
    """The newest KEPT, each as it was at most FRESH_S ago."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._fresh = Fresh(self._read, fresh_s=FRESH_S, kept=KEPT)

    async def get(self, asset_id: AssetId, revision_id: RevisionId) -> Growing | None:
        """None where there is no such revision."""
        return await self._fresh.get((asset_id, revision_id))

    async def _read(self, key: tuple[AssetId, RevisionId]) -> Growing | None:
        return await growing.read(self._pool, *key)
