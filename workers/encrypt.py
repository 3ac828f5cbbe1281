"""Segments that lie in storage in the clear -> the same, encrypted, beside them. Used by publish and republish.

No manifest of an encrypted asset names the clear ones, so no player reaches them. Done when a revision is made, not
when its parts are encoded: what is kept of an encode can then be published again, and only here a segment's number in
its rendition is known for sure.
"""

import asyncio
import hashlib
from collections.abc import Collection
from dataclasses import replace

from core import content_keys, keys
from core.assets import Asset
from core.errors import Rejected
from core.media import Blob, Encoded, Rendition, Segment
from core.settings import Settings
from packager.encryption import Encryption, encrypted, with_encrypted
from packager.revision import SEGMENT_TYPE
from workers.stage import Tools

PARALLEL = 4  # segments in memory at once, twice each


def wanted(asset: Asset) -> Encryption:
    """As its owner said when the asset was made."""
    return Encryption(asset.options.get("encryption", Encryption.NONE))


def check_possible(encryption: Encryption, settings: Settings) -> None:
    """Raises Rejected where this installation cannot encrypt what is to be encrypted."""
    if encryption is not Encryption.NONE and not content_keys.wrapping_keys(settings):
        raise Rejected(
            "encryption_unavailable",
            "This installation keeps no content keys, so it cannot encrypt.",
            "Set KADR_CONTENT_KEYS, or upload it with encryption none.",
        )


async def as_delivered(tools: Tools, asset: Asset, encoded: Encoded, *, already: Collection[Rendition] = ()) -> Encoded:
    """All renditions as players are to get them; those of `already` are taken to be encrypted."""
    if wanted(asset) is Encryption.NONE:
        return encoded
    check_possible(wanted(asset), tools.settings)
    key = await content_keys.obtain(tools.pool, asset.id, content_keys.wrapping_keys(tools.settings))
    done = {rendition.segments for rendition in already}
    slots = asyncio.Semaphore(PARALLEL)

    async def one(segment: Segment, number: int) -> Blob:
        async with slots:
            return await _stored(tools, asset, segment, key, number)

    renditions = []
    for rendition in encoded.renditions:
        if rendition.segments in done:
            renditions.append(rendition)
            continue
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(segment, number)) for number, segment in enumerate(rendition.segments)]
        renditions.append(with_encrypted(rendition, [task.result() for task in tasks]))
    return replace(encoded, renditions=tuple(renditions))


async def _stored(tools: Tools, asset: Asset, segment: Segment, key: bytes, number: int) -> Blob:
    bucket, storage = tools.settings.media_bucket, tools.storage
    clear = await storage.get(bucket, keys.media_object(asset.id, segment.blob.sha256))

    def seal() -> tuple[bytes, Blob]:
        body = encrypted(clear, key, number)
        return body, Blob(sha256=hashlib.sha256(body).hexdigest(), size_bytes=len(body))

    body, blob = await asyncio.to_thread(seal)
    await storage.put(bucket, keys.media_object(asset.id, blob.sha256), body, SEGMENT_TYPE)
    return blob
