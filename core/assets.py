"""Assets and their revisions in PostgreSQL: one function per statement of assets.sql."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core import sql
from core.db import Connection, Pool
from core.errors import Rejected
from core.model import AssetId, AssetStatus, OwnerId, Policy, RevisionId

_SQL = sql.load("assets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A row of `assets` with the summary of its published revision."""

    id: AssetId
    owner_id: OwnerId
    status: AssetStatus
    title: str
    ref_type: str | None
    ref_id: str | None
    policy: Policy
    language: str | None
    source_key: str | None
    source_sha256: str | None
    source_bytes: int | None
    source: dict[str, Any] | None
    warnings: list[dict[str, str]]
    revision_id: RevisionId | None
    error: dict[str, str] | None
    created_at: datetime
    uploaded_at: datetime | None
    accepted_at: datetime | None
    playable_at: datetime | None
    ready_at: datetime | None
    summary: dict[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """What the owner says of an asset at its creation."""

    id: AssetId
    owner_id: OwnerId
    title: str
    ref_type: str | None
    ref_id: str | None
    policy: Policy
    language: str | None


def _asset(row: Any) -> Asset:
    return Asset(**{**row, "status": AssetStatus(row["status"]), "policy": Policy(row["policy"])})


async def insert(connection: Connection, asset: NewAsset) -> None:
    await connection.execute(
        _SQL["insert"],
        asset.id,
        asset.owner_id,
        asset.title,
        asset.ref_type,
        asset.ref_id,
        asset.policy.value,
        asset.language,
    )


async def of_owner(pool: Pool, asset_id: str, owner_id: OwnerId) -> Asset | None:
    row = await pool.fetchrow(_SQL["of_owner"], asset_id, owner_id)
    return _asset(row) if row else None


async def by_id(pool: Pool, asset_id: AssetId) -> Asset | None:
    row = await pool.fetchrow(_SQL["by_id"], asset_id)
    return _asset(row) if row else None


async def page(pool: Pool, owner_id: OwnerId, after: str | None, limit: int) -> list[Asset]:
    """Newest first; `after` is the last id of the page before."""
    return [_asset(row) for row in await pool.fetch(_SQL["page"], owner_id, after, limit)]


async def uploaded(connection: Connection, asset_id: AssetId) -> None:
    await connection.execute(_SQL["uploaded"], asset_id)


async def accepted(connection: Connection, asset_id: AssetId, key: str, sha256: str, size_bytes: int) -> None:
    await connection.execute(_SQL["accepted"], asset_id, key, sha256, size_bytes)


async def probed(connection: Connection, asset_id: AssetId, source: dict[str, Any]) -> None:
    await connection.execute(_SQL["probed"], asset_id, source)


async def warn(connection: Connection, asset_id: AssetId, code: str, message: str) -> None:
    """Tell the owner of something that was survived; once per code."""
    await connection.execute(_SQL["warn"], asset_id, [{"code": code, "message": message}], code)


async def errored(connection: Connection, asset_id: AssetId, rejected: Rejected) -> None:
    error = {"code": rejected.code, "message": str(rejected), "hint": rejected.hint}
    await connection.execute(_SQL["errored"], asset_id, error)


async def publish(connection: Connection, asset_id: AssetId, revision_id: RevisionId, summary: dict[str, Any]) -> None:
    """Make this revision the one that new sessions get."""
    await connection.execute(_SQL["insert_revision"], revision_id, asset_id, summary)
    await connection.execute(_SQL["publish"], asset_id, revision_id)
