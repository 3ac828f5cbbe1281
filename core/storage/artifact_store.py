"""Objects of an asset that are named by their own SHA-256: segments, images, texts, plans, listings.

In: bytes, or a file. Out: the `Blob` they are found by. Storing the same bytes twice changes nothing, and neither does
a worker that lost its lease. Every error is ObjectMissing or Transient, as core.storage.s3 raises them.
"""

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path

from core.media.encoded import Blob
from core.model import AssetId
from core.settings import MIB
from core.storage import keys
from core.storage.s3 import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactStore:
    """Stores and reads objects of the media bucket by asset and hash."""

    storage: Storage
    bucket: str

    async def put(self, asset_id: AssetId, body: bytes, content_type: str, *, sha256: str | None = None) -> Blob:
        """Store `body` under its hash. `sha256`: the hash in hex where the caller has computed it already."""
        if sha256 is None:
            sha256 = _sha256(body) if len(body) < MIB else await asyncio.to_thread(_sha256, body)
        await self.storage.put(self.bucket, keys.media_object(asset_id, sha256), body, content_type)
        return Blob(sha256=sha256, size_bytes=len(body))

    async def put_file(self, asset_id: AssetId, path: Path, content_type: str) -> Blob:
        """Store a file, of any size, under its hash."""
        blob = await asyncio.to_thread(_blob, path)
        await self.storage.put_file(self.bucket, keys.media_object(asset_id, blob.sha256), path, content_type)
        return blob

    async def get(self, asset_id: AssetId, sha256: str) -> bytes:
        """The bytes with this hash, whole in memory."""
        return await self.storage.get(self.bucket, keys.media_object(asset_id, sha256))


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _blob(path: Path) -> Blob:
    with path.open("rb") as file:
        return Blob(sha256=hashlib.file_digest(file, "sha256").hexdigest(), size_bytes=path.stat().st_size)
