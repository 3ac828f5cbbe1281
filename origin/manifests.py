"""Manifests of revisions, read from storage once and kept: they never change."""

import asyncio
from collections import OrderedDict

from core import keys
from core.model import AssetId, RevisionId
from core.storage import Storage
from packager.revision import Manifest, manifest_from_bytes

KEPT = 256


class Manifests:
    """The newest KEPT manifests. Many asking for the same one read it once."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._kept: OrderedDict[tuple[AssetId, RevisionId], asyncio.Task[Manifest]] = OrderedDict()

    async def get(self, asset_id: AssetId, revision_id: RevisionId) -> Manifest:
        """Raises ObjectMissing for a revision that is not there."""
        key = (asset_id, revision_id)
        reading = self._kept.get(key)
        if reading is None:
            reading = self._kept[key] = asyncio.ensure_future(self._read(*key))
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        try:
            # One viewer leaving must not cancel the read the others wait for.
            return await asyncio.shield(reading)
        except Exception:
            if self._kept.get(key) is reading:
                del self._kept[key]
            raise

    async def _read(self, asset_id: AssetId, revision_id: RevisionId) -> Manifest:
        body = await self._storage.get(self._bucket, keys.revision_manifest(asset_id, revision_id))
        return await asyncio.to_thread(manifest_from_bytes, body)
