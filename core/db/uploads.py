"""Uploads in PostgreSQL: creation, completion, expiry, and the split into parts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.db import assets, outbox, sql, steps
from core.db.postgres import Connection, Pool
from core.event_types import AssetDeleted, UploadAborted, UploadCompleted, UploadCreated, UploadExpired
from core.model import AssetId, OwnerId, StepId, StepKind, UploadId, UploadStatus
from core.storage import keys
from core.storage.s3 import Storage

_SQL = sql.load("uploads")
_ABANDONED = {UploadStatus.ABORTED: UploadAborted, UploadStatus.EXPIRED: UploadExpired}
MAX_PARTS = 1000

# An upload's URLs expire, but not a PUT that is under way: what it leaves is removed in one of these further sweeps.
SWEEP_AGAIN_AFTER = (timedelta(hours=1), timedelta(days=1), timedelta(hours=168))


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A row of `uploads`: a file that is sent in parts."""

    id: UploadId
    owner_id: OwnerId
    asset_id: AssetId
    status: UploadStatus
    filename: str
    content_type: str | None
    size_bytes: int
    part_size_bytes: int
    sha256: str | None
    created_at: datetime
    expires_at: datetime
    completed_at: datetime | None
    swept_at: datetime | None
    trace: str | None = None  # its asset's: core.telemetry.trace

    @property
    def part_sizes(self) -> list[int]:
        """Bytes of each part, in order; part n is at index n - 1."""
        whole, rest = divmod(self.size_bytes, self.part_size_bytes)
        return [self.part_size_bytes] * whole + ([rest] if rest else [])


def part_size(size_bytes: int, smallest_bytes: int) -> int:
    """Part size in bytes: `smallest_bytes`, or as many whole MiB as keep the parts at MAX_PARTS or fewer."""
    needed = -(-size_bytes // MAX_PARTS)
    return smallest_bytes if needed <= smallest_bytes else -(-needed // 2**20) * 2**20


def _upload(row: Any) -> Upload:
    return Upload(**{**row, "status": UploadStatus(row["status"])})


async def insert(
    connection: Connection,
    *,
    upload_id: UploadId,
    owner_id: OwnerId,
    asset_id: AssetId,
    filename: str,
    content_type: str | None,
    size_bytes: int,
    part_size_bytes: int,
    sha256: str | None,
    ttl_s: int,
) -> None:
    await connection.execute(
        _SQL["insert"],
        upload_id,
        owner_id,
        asset_id,
        filename,
        content_type,
        size_bytes,
        part_size_bytes,
        sha256,
        ttl_s,
    )
    await outbox.add(connection, owner_id, upload_id, UploadCreated(asset_id=asset_id))


async def of_owner(pool: Pool, upload_id: str, owner_id: OwnerId) -> Upload | None:
    """The upload, or None where it is unknown or another owner's."""
    row = await pool.fetchrow(_SQL["of_owner"], upload_id, owner_id)
    return _upload(row) if row else None


async def by_id(pool: Pool, upload_id: UploadId) -> Upload | None:
    """The upload of any owner; None for an unknown id."""
    row = await pool.fetchrow(_SQL["by_id"], upload_id)
    return _upload(row) if row else None


async def of_asset(connection: Connection, asset_id: AssetId) -> list[UploadId]:
    return [row["id"] for row in await connection.fetch(_SQL["of_asset"], asset_id)]


async def complete(connection: Connection, upload: Upload) -> StepId | None:
    """Complete an open upload and enqueue its accept step, in the caller's transaction.

    None when the upload was not open (any more): another call was quicker.
    """
    if await connection.fetchval(_SQL["close"], upload.id, UploadStatus.COMPLETED.value) is None:
        return None
    await assets.under_way(connection, upload.asset_id)
    await outbox.add(connection, upload.owner_id, upload.id, UploadCompleted(asset_id=upload.asset_id))
    return await steps.insert(connection, upload.asset_id, StepKind.ACCEPT, {"upload_id": upload.id})


async def abandon(connection: Connection, upload: Upload, status: UploadStatus) -> bool:
    """End an open upload and delete an asset that only waited for it. False where the upload is closed."""
    if await connection.fetchval(_SQL["close"], upload.id, status.value) is None:
        return False
    await outbox.add(connection, upload.owner_id, upload.id, _ABANDONED[status](asset_id=upload.asset_id))
    if await assets.delete_waiting(connection, upload.asset_id):
        await outbox.add(connection, upload.owner_id, upload.asset_id, AssetDeleted())
        # What was stored beside the upload, a watermark for one, goes with it.
        await steps.insert(connection, upload.asset_id, StepKind.DELETE, {"round": 1})
    return True


async def discard(connection: Connection, upload: Upload) -> None:
    """Enqueue the removal of an abandoned upload's parts."""
    await steps.insert(connection, upload.asset_id, StepKind.DISCARD, {"upload_id": upload.id})


async def sweep(connection: Connection) -> None:
    """Enqueue the removal of objects that expired uploads may have left in storage, several times for each."""
    for row in await connection.fetch(_SQL["to_sweep"], SWEEP_AGAIN_AFTER):
        step_input = {"upload_id": row["id"], "expired": True, "round": row["round"]}
        await steps.insert(connection, row["asset_id"], StepKind.DISCARD, step_input)


def missing_parts(upload: Upload, arrived: dict[int, int]) -> list[int]:
    """Numbers of the parts that have not arrived in full; `arrived` is {number: bytes}."""
    return [number for number, size in enumerate(upload.part_sizes, start=1) if arrived.get(number) != size]


async def arrived_parts(storage: Storage, bucket: str, upload_id: UploadId) -> dict[int, int]:
    """{part number: bytes} of the parts in storage. Objects whose name is not a part number are ignored."""
    prefix = keys.upload_prefix(upload_id)
    stored = {entry.key.removeprefix(prefix): entry.size_bytes async for entry in storage.list(bucket, prefix)}
    return {int(name): size for name, size in stored.items() if name.isdigit()}
