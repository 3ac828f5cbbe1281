"""Uploads in PostgreSQL: one function per statement of uploads.sql, and how a size is cut into parts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import sql
from core.db import Connection, Pool
from core.model import AssetId, OwnerId, UploadId, UploadStatus

_SQL = sql.load("uploads")
MAX_PARTS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A row of `uploads`."""

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

    @property
    def part_sizes(self) -> list[int]:
        """Bytes of each part, in order; part n is at index n - 1."""
        whole, rest = divmod(self.size_bytes, self.part_size_bytes)
        return [self.part_size_bytes] * whole + ([rest] if rest else [])


def part_size(size_bytes: int, smallest_bytes: int) -> int:
    """Part size in bytes: never more than MAX_PARTS parts, rounded up to a whole MiB."""
    needed = -(-size_bytes // MAX_PARTS)
    return max(smallest_bytes, -(-needed // 2**20) * 2**20)


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


async def of_owner(pool: Pool, upload_id: str, owner_id: OwnerId) -> Upload | None:
    row = await pool.fetchrow(_SQL["of_owner"], upload_id, owner_id)
    return _upload(row) if row else None


async def by_id(pool: Pool, upload_id: UploadId) -> Upload | None:
    row = await pool.fetchrow(_SQL["by_id"], upload_id)
    return _upload(row) if row else None


async def complete(connection: Connection, upload_id: UploadId) -> bool:
    """Close an open upload; False when it was not open (any more)."""
    return await connection.fetchval(_SQL["complete"], upload_id) is not None
