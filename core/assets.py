"""Assets and their revisions in PostgreSQL: one function per statement of assets.sql."""

from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from core import outbox, sql
from core.db import Connection, Pool
from core.errors import Rejected
from core.model import AssetId, AssetStatus, OwnerId, Policy, RevisionId

_SQL = sql.load("assets")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A row of `asset_view`: the asset, the summary of its published revision, its steps and playback ids."""

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
    source: dict[str, Any] | None
    warnings: list[dict[str, str]]
    revision_id: RevisionId | None
    provisional: bool
    options: dict[str, Any]
    error: dict[str, str] | None
    created_at: datetime
    uploaded_at: datetime | None
    accepted_at: datetime | None
    playable_at: datetime | None
    ready_at: datetime | None
    deleted_at: datetime | None
    taken_down_at: datetime | None
    summary: dict[str, Any] | None
    steps: list[dict[str, Any]]
    playback_ids: list[dict[str, str]]
    tracks: list[dict[str, Any]]
    tracks_version: int
    pictures: dict[str, Any] | None


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
    status: AssetStatus = AssetStatus.WAITING
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which assets to list; None is any."""

    status: AssetStatus | None = None
    ref: tuple[str, str] | None = None
    q: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What to change; a pair (given, value) can also set to nothing."""

    title: str | None
    ref: tuple[bool, tuple[str, str] | None]
    language: tuple[bool, str | None]


_FIELDS = tuple(entry.name for entry in fields(Asset))


def _asset(row: Any) -> Asset:
    values = {name: row[name] for name in _FIELDS}
    return Asset(**{**values, "status": AssetStatus(row["status"]), "policy": Policy(row["policy"])})


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
        asset.status.value,
        asset.options,
    )
    await outbox.add(connection, asset.owner_id, "video.asset.created", asset.id, {"title": asset.title})


async def of_owner(pool: Pool, asset_id: str, owner_id: OwnerId) -> Asset | None:
    row = await pool.fetchrow(_SQL["of_owner"], asset_id, owner_id)
    return _asset(row) if row else None


async def by_id(pool: Pool, asset_id: AssetId) -> Asset | None:
    row = await pool.fetchrow(_SQL["by_id"], asset_id)
    return _asset(row) if row else None


async def page(pool: Pool, owner_id: OwnerId, after: str | None, limit: int, filters: Filters) -> list[Asset]:
    """Newest first; `after` is the last id of the page before."""
    kind, ident = filters.ref or (None, None)
    status = filters.status.value if filters.status else None
    rows = await pool.fetch(_SQL["page"], owner_id, after, status, kind, ident, filters.q, limit)
    return [_asset(row) for row in rows]


async def under_way(connection: Connection, asset_id: AssetId) -> None:
    await connection.execute(_SQL["under_way"], asset_id)


async def accepted(connection: Connection, asset_id: AssetId, key: str, sha256: str, size_bytes: int) -> None:
    await connection.execute(_SQL["accepted"], asset_id, key, sha256, size_bytes)


async def probed(connection: Connection, asset_id: AssetId, source: dict[str, Any]) -> None:
    await connection.execute(_SQL["probed"], asset_id, source)


async def warn(connection: Connection, asset_id: AssetId, code: str, message: str) -> None:
    """Tell the owner of something that was survived; once per code."""
    await connection.execute(_SQL["warn"], asset_id, [{"code": code, "message": message}], code)


async def errored(connection: Connection, asset_id: AssetId, rejected: Rejected) -> None:
    error = {"code": rejected.code, "message": str(rejected), "hint": rejected.hint}
    owner_id = await connection.fetchval(_SQL["errored"], asset_id, error)
    if owner_id:
        await outbox.add(connection, owner_id, "video.asset.errored", asset_id, {"error": error})


async def publish(connection: Connection, asset_id: AssetId, revision_id: RevisionId, summary: dict[str, Any]) -> None:
    """Make this revision the one that new sessions get."""
    await connection.execute(_SQL["insert_revision"], revision_id, asset_id, summary)
    owner_id = await connection.fetchval(_SQL["publish"], asset_id, revision_id)
    if owner_id:
        facts = {"revision": revision_id, "duration_s": summary["duration_s"]}
        await outbox.add(connection, owner_id, "video.asset.ready", asset_id, facts)


async def republish(
    connection: Connection,
    asset_id: AssetId,
    revision_id: RevisionId,
    summary: dict[str, Any],
    *,
    instead_of: RevisionId,
) -> bool:
    """This revision in place of that one; False where another is published by now."""
    await connection.execute(_SQL["insert_revision"], revision_id, asset_id, summary)
    return await connection.fetchval(_SQL["republish"], asset_id, revision_id, instead_of) is not None


async def publish_provisional(
    connection: Connection, asset_id: AssetId, revision_id: RevisionId, summary: dict[str, Any]
) -> bool:
    """Something to watch until the ladder is there; True when it is this that made the asset playable."""
    await connection.execute(_SQL["insert_revision"], revision_id, asset_id, summary)
    owner_id = await connection.fetchval(_SQL["publish_provisional"], asset_id, revision_id)
    if owner_id:
        await outbox.add(connection, owner_id, "video.asset.playable", asset_id, {"revision": revision_id})
    return owner_id is not None


async def analysis(pool: Pool, source_sha256: str, key: str) -> dict[str, Any] | None:
    """What was measured of this content before, by these tools."""
    result: dict[str, Any] | None = await pool.fetchval(_SQL["analysis"], source_sha256, key)
    return result


async def keep_analysis(connection: Connection, source_sha256: str, key: str, result: dict[str, Any]) -> None:
    await connection.execute(_SQL["keep_analysis"], source_sha256, key, result)


async def change(connection: Connection, asset_id: AssetId, owner_id: OwnerId, changes: Changes) -> bool:
    """False where there is no such asset of this owner."""
    ref_given, ref = changes.ref
    kind, ident = ref or (None, None)
    return (
        await connection.fetchval(
            _SQL["change"], asset_id, owner_id, changes.title, ref_given, kind, ident, *changes.language
        )
        is not None
    )


async def delete(connection: Connection, asset_id: AssetId, owner_id: OwnerId) -> bool:
    """Gone for everybody at once; its playback ids say so. False where there is no such asset of this owner."""
    if await connection.fetchval(_SQL["delete"], asset_id, owner_id) is None:
        return False
    await outbox.add(connection, owner_id, "video.asset.deleted", asset_id, {})
    return True


async def take_down(connection: Connection, asset_id: AssetId, owner_id: OwnerId, *, down: bool) -> bool:
    """Keep it and show it to nobody, or show it again. False where nothing changed."""
    return await connection.fetchval(_SQL["take_down"], asset_id, owner_id, down) is not None


async def delete_waiting(connection: Connection, asset_id: AssetId) -> bool:
    """Drop an asset whose upload never came; False where it has become more than that."""
    if await connection.fetchval(_SQL["delete_waiting"], asset_id) is None:
        return False
    await connection.execute(_SQL["revoke_playback"], asset_id)
    return True
