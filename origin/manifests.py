"""Manifests of revisions, read from storage once and kept: they never change, but they can be deleted."""

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass

from core import keys
from core.errors import ObjectMissing, Transient
from core.model import AssetId, RevisionId
from core.storage import Storage
from packager.revision import Manifest, manifest_from_bytes

KEPT = 1024
RECHECK_S = 30.0  # after so long a deleted revision is found out, here and wherever its files are kept
MISSING_S = 0.5  # one that is not there may be there soon: its first rendition is being made

Key = tuple[AssetId, RevisionId]


@dataclass(slots=True)
class _Entry:
    reading: asyncio.Task[Manifest]
    checked_at: float
    checking: asyncio.Task[None] | None = None


class Manifests:
    """The KEPT used last. Many asking for the same one read it once."""

    def __init__(self, storage: Storage, bucket: str) -> None:
        self._storage = storage
        self._bucket = bucket
        self._kept: OrderedDict[Key, _Entry] = OrderedDict()

    async def get(self, asset_id: AssetId, revision_id: RevisionId) -> Manifest:
        """Raises ObjectMissing for a revision that is not there. One that is kept needs no storage."""
        key, now = (asset_id, revision_id), time.monotonic()
        entry = self._kept.get(key)
        if entry is not None and entry.reading.done() and _failed(entry.reading, now - entry.checked_at):
            entry = None
        if entry is None:
            entry = self._kept[key] = _Entry(asyncio.create_task(self._read(*key)), now)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        if entry.reading.done():
            manifest = entry.reading.result()
            if now - entry.checked_at > RECHECK_S and entry.checking is None:
                entry.checking = asyncio.create_task(self._check(key, entry))
            return manifest
        # One viewer leaving must not cancel the read the others wait for.
        return await asyncio.shield(entry.reading)

    async def _read(self, asset_id: AssetId, revision_id: RevisionId) -> Manifest:
        body = await self._storage.get(self._bucket, keys.revision_manifest(asset_id, revision_id))
        return await asyncio.to_thread(manifest_from_bytes, body)

    async def _check(self, key: Key, entry: _Entry) -> None:
        """Beside the requests: is it still there? Where storage does not say, it is taken to be."""
        try:
            there = await self._storage.size(self._bucket, keys.revision_manifest(*key)) is not None
        except Transient:
            there = True
        entry.checked_at, entry.checking = time.monotonic(), None
        if not there and self._kept.get(key) is entry:
            del self._kept[key]


def _failed(reading: asyncio.Task[Manifest], age_s: float) -> bool:
    """Worth another read: it failed, and not only because nothing was there a moment ago."""
    if reading.cancelled():
        return True
    exc = reading.exception()
    return exc is not None and not (isinstance(exc, ObjectMissing) and age_s < MISSING_S)
