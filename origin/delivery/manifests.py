"""Manifests of revisions, read from storage once and then held in memory: they never change, but they can be deleted.

In: an asset and a revision. Out: its manifest. A manifest in memory needs no storage; every RECHECK_S a background
check asks storage whether it still exists, and while storage does not answer it is taken to exist.
"""

import asyncio

from core.caching.refreshing_cache import RefreshingCache
from core.errors import ObjectMissing
from core.model import AssetId, RevisionId
from core.storage import keys
from core.storage.s3 import Storage
from packager.revision import Manifest, manifest_from_bytes

MAX_ENTRIES = 1024
RECHECK_S = 30.0  # how long after its deletion a revision may still be served from here
RETRY_MISSING_S = 0.5  # a manifest that is missing may exist soon: its first rendition is being made

RevisionKey = tuple[AssetId, RevisionId]
Manifests = RefreshingCache[RevisionKey, Manifest]


def manifests(storage: Storage, bucket: str) -> Manifests:
    """A cache of manifests. Its `get` raises ObjectMissing for a revision that does not exist, and Transient."""

    async def read(key: RevisionKey) -> Manifest:
        body = await storage.get(bucket, keys.revision_manifest(*key))
        return await asyncio.to_thread(manifest_from_bytes, body)

    async def recheck(key: RevisionKey, manifest: Manifest) -> Manifest:
        if await storage.size(bucket, keys.revision_manifest(*key)) is None:
            raise ObjectMissing
        return manifest

    return RefreshingCache(
        read,
        name="manifests",
        recheck=recheck,
        refresh_s=RECHECK_S,
        retry_s=RETRY_MISSING_S,
        serve_while_refreshing=True,
        final_errors=(ObjectMissing,),
        max_entries=MAX_ENTRIES,
    )
