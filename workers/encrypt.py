"""Segments stored in the clear -> the same segments encrypted, stored beside them. Used by publish and republish.

No manifest of an encrypted asset names the clear ones, so no player reaches them. Done when a revision is made, not
when its parts are encoded: the same encode can then be published again, and only here a segment's number in its
rendition is known for certain.
"""

import asyncio
from collections.abc import Collection
from dataclasses import replace

from core.concurrency import gather_bounded
from core.db import content_keys
from core.db.assets import Asset
from core.errors import Rejected
from core.media.encoded import Blob, Encoded, Rendition, Segment
from core.media.media_types import SEGMENT_TYPE
from core.settings import Settings
from packager.encryption import Encryption, encrypted, with_encrypted
from workers.engine.contract import WorkerContext

PARALLEL_SEGMENTS = 4  # in memory at once, twice each


def encryption_of(asset: Asset) -> Encryption:
    """The encryption its owner chose when the asset was created."""
    return Encryption(asset.options.get("encryption", Encryption.NONE))


def check_possible(encryption: Encryption, settings: Settings) -> None:
    """Raises Rejected where encryption is chosen and this installation has no keys for it."""
    if encryption is not Encryption.NONE and not content_keys.wrapping_keys(settings):
        raise Rejected(
            "encryption_unavailable",
            "This installation keeps no content keys, so it cannot encrypt.",
            "Set KADR_CONTENT_KEYS, or upload it with encryption none.",
        )


async def as_delivered(
    worker: WorkerContext, asset: Asset, encoded: Encoded, *, already: Collection[Rendition] = ()
) -> Encoded:
    """All renditions as players get them: encrypted where the asset is.

    Renditions whose segments are those of one in `already` are encrypted as they are. Raises the first error as it is.
    """
    if encryption_of(asset) is Encryption.NONE:
        return encoded
    check_possible(encryption_of(asset), worker.settings)
    key = await content_keys.obtain(worker.pool, asset.id, content_keys.wrapping_keys(worker.settings))
    unchanged = {rendition.segments for rendition in already}

    async def encrypt(numbered: tuple[int, Segment]) -> Blob:
        number, segment = numbered
        clear = await worker.artifacts.get(asset.id, segment.blob.sha256)
        body = await asyncio.to_thread(encrypted, clear, key, number)
        return await worker.artifacts.put(asset.id, body, SEGMENT_TYPE)

    renditions = []
    for rendition in encoded.renditions:
        if rendition.segments not in unchanged:
            blobs = await gather_bounded(encrypt, enumerate(rendition.segments), limit=PARALLEL_SEGMENTS)
            rendition = with_encrypted(rendition, blobs)
        renditions.append(rendition)
    return replace(encoded, renditions=tuple(renditions))
