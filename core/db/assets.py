"""Assets and their revisions in PostgreSQL: one function per statement of assets.sql."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.db import outbox, playback_ids, sql, steps
from core.db.postgres import Connection, Pool
from core.errors import Rejected
from core.event_types import AssetCreated, AssetDeleted, AssetErrored, FailureData
from core.media.advice import Judged
from core.model import AssetId, AssetStatus, OwnerId, Policy, RevisionId

_SQL = sql.load("assets")
TITLE_CHARS = 100  # of a title decide its place in a list


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
    advice: list[str]  # codes: core.media.advice
    revision_id: RevisionId | None
    provisional: bool
    options: dict[str, Any]
    metadata: dict[str, str]
    allowed_domains: list[str]
    chapters: list[dict[str, Any]] | None  # the owner's own: start_s and title of each
    description: str
    tags: list[str]
    published_at: datetime | None
    expires_at: datetime | None
    listed: bool
    page_url: str | None
    family_friendly: bool
    author: dict[str, str | None] | None
    error: dict[str, str] | None
    created_at: datetime
    uploaded_at: datetime | None
    accepted_at: datetime | None
    playable_at: datetime | None
    ready_at: datetime | None
    deleted_at: datetime | None
    taken_down_at: datetime | None
    trace: str | None  # of the newest upload or pull: core.telemetry.trace
    summary: dict[str, Any] | None
    steps: list[dict[str, Any]]
    playback_ids: list[dict[str, str]]
    tracks: list[dict[str, Any]]
    tracks_version: int
    pictures: dict[str, Any] | None

    @property
    def source_is_gone(self) -> bool:
        """Whether there was a source, and its retention is over."""
        return self.source_key is None and self.source_sha256 is not None

    @property
    def has_ladder(self) -> bool:
        """Whether a complete revision is published; a provisional one is not."""
        return self.revision_id is not None and not self.provisional


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAsset:
    """Facts of an asset at its creation. `about` as in Changes."""

    id: AssetId
    owner_id: OwnerId
    title: str
    ref_type: str | None
    ref_id: str | None
    policy: Policy
    language: str | None
    status: AssetStatus = AssetStatus.WAITING
    options: dict[str, Any] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)
    allowed_domains: Sequence[str] = ()
    about: Mapping[str, Any] = field(default_factory=dict)
    trace: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Filters of a list of assets; None means no restriction."""

    status: AssetStatus | None = None
    ref: tuple[str, str] | None = None
    q: str | None = None


class Sort(StrEnum):
    """Orders of a list of assets. Of the same title or duration the id decides."""

    NEWEST = "newest"
    OLDEST = "oldest"
    TITLE = "title"
    LONGEST = "longest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """Where a page of a list ends: the last asset, and the title or duration that it is sorted by.

    It stays a place in the list whatever becomes of that asset.
    """

    id: str
    key: str | float | None = None


def position_of(asset: Asset, sort: Sort) -> Position:
    """The place of an asset in this order."""
    key: str | float | None = None
    if sort is Sort.TITLE:
        key = asset.title[:TITLE_CHARS]
    elif sort is Sort.LONGEST:
        key = float((asset.summary or {}).get("duration_s", -1))
    return Position(id=asset.id, key=key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """Changes of what an owner says about an asset; in a pair (is given, value) None as value clears the field.

    None as title, metadata, policy or allowed domains changes nothing. `about` has what pages for the public say of it,
    by names of ABOUT and as JSON values; omitted fields stay.
    """

    title: str | None
    ref: tuple[bool, tuple[str, str] | None]
    language: tuple[bool, str | None]
    metadata: Mapping[str, str] | None
    policy: Policy | None
    allowed_domains: Sequence[str] | None
    chapters: tuple[bool, Sequence[Mapping[str, Any]] | None]
    about: Mapping[str, Any]


ABOUT = (
    "description",
    "tags",
    "published_at",
    "expires_at",
    "listed",
    "page_url",
    "family_friendly",
    "author",
)
_FIELDS = tuple(entry.name for entry in fields(Asset))


def _asset(row: Any) -> Asset:
    values = {name: row[name] for name in _FIELDS}
    return Asset(**{**values, "status": AssetStatus(row["status"]), "policy": Policy(row["policy"])})


async def insert(connection: Connection, asset: NewAsset) -> None:
    """Insert the row of a new asset, and queue its event `video.asset.created`."""
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
        asset.metadata,
        asset.allowed_domains,
        asset.trace,
    )
    await _describe(connection, asset.id, asset.about)
    await outbox.add(connection, asset.owner_id, asset.id, AssetCreated(title=asset.title))


async def of_owner(pool: Pool, asset_id: str, owner_id: OwnerId) -> Asset | None:
    """The asset, or None where it is unknown, deleted or another owner's."""
    row = await pool.fetchrow(_SQL["of_owner"], asset_id, owner_id)
    return _asset(row) if row else None


async def by_id(pool: Pool, asset_id: AssetId) -> Asset | None:
    """The asset, also a deleted one; None for an unknown id."""
    row = await pool.fetchrow(_SQL["by_id"], asset_id)
    return _asset(row) if row else None


async def page(
    pool: Pool,
    owner_id: OwnerId,
    after: Position | None,
    limit: int,
    filters: Filters,
    sort: Sort = Sort.NEWEST,
) -> list[Asset]:
    """A page of an owner's assets; `after` is where the previous page ended."""
    kind, ident = filters.ref or (None, None)
    status = filters.status.value if filters.status else None
    values: list[Any] = [owner_id, after.id if after else None, status, kind, ident, filters.q, limit]
    if sort in (Sort.TITLE, Sort.LONGEST):
        values.append(after.key if after else None)
    rows = await pool.fetch(f"{_SQL['page']} {_SQL[f'page_{sort.value}']}", *values)
    return [_asset(row) for row in rows]


async def under_way(connection: Connection, asset_id: AssetId) -> None:
    """Mark that work on the asset begins (again); a finished revision stays published."""
    await connection.execute(_SQL["under_way"], asset_id)


async def set_trace(connection: Connection, asset_id: AssetId, trace: str | None) -> None:
    """What is queued for the asset from here on belongs to this trace: that of an upload of another source."""
    await connection.execute(_SQL["set_trace"], asset_id, trace)


async def clear_error(connection: Connection, asset_id: AssetId) -> None:
    """Remove the error of an asset whose published revision needs no work; its status stays."""
    await connection.execute(_SQL["clear_error"], asset_id)


async def accepted(connection: Connection, asset_id: AssetId, key: str, sha256: str, size_bytes: int) -> None:
    """Record the source object of an asset: its key, SHA-256 (hex) and size in bytes."""
    await connection.execute(_SQL["accepted"], asset_id, key, sha256, size_bytes)


async def probed(connection: Connection, asset_id: AssetId, source: dict[str, Any]) -> None:
    """Record the facts of a new source as JSON values, and drop the warnings and the advice about the old one."""
    await connection.execute(_SQL["probed"], asset_id, source)


async def warn(connection: Connection, asset_id: AssetId, code: str, message: str) -> None:
    """Add a warning to the asset, once per code."""
    await connection.execute(_SQL["warn"], asset_id, [{"code": code, "message": message}], code)


async def advise(connection: Connection, asset_id: AssetId, judged: Judged) -> None:
    """Set the advice that a step has found, in place of what was found of the same things before."""
    await connection.execute(_SQL["advise"], asset_id, sorted(judged.looked_at), sorted(judged.found))


async def errored(connection: Connection, asset_id: AssetId, rejected: Rejected) -> None:
    """Mark the asset as errored, with the code, message and hint of the rejection, and queue its event."""
    error = FailureData(code=rejected.code, message=str(rejected), hint=rejected.hint)
    owner_id = await connection.fetchval(_SQL["errored"], asset_id, error.model_dump())
    if owner_id:
        await outbox.add(connection, owner_id, asset_id, AssetErrored(error=error))


async def analysis(pool: Pool, source_sha256: str, key: str) -> dict[str, Any] | None:
    """A stored measurement of this content by the tools that `key` names; None without one."""
    result: dict[str, Any] | None = await pool.fetchval(_SQL["analysis"], source_sha256, key)
    return result


async def keep_analysis(connection: Connection, source_sha256: str, key: str, result: dict[str, Any]) -> None:
    """Store the result of an analysis of a source (SHA-256 in hex) under the digest of how it was made."""
    await connection.execute(_SQL["keep_analysis"], source_sha256, key, result)


async def change(connection: Connection, asset_id: AssetId, owner_id: OwnerId, changes: Changes) -> bool:
    """Change what the owner says. A policy is that of all playback ids. False where this owner has no such asset."""
    ref_given, ref = changes.ref
    kind, ident = ref or (None, None)
    values = (
        *(changes.title, ref_given, kind, ident, *changes.language, changes.metadata),
        *(changes.policy.value if changes.policy else None, changes.allowed_domains),
        *changes.chapters,
    )
    if await connection.fetchval(_SQL["change"], asset_id, owner_id, *values) is None:
        return False
    if changes.policy is not None:
        await playback_ids.set_policy(connection, asset_id, changes.policy)
    await _describe(connection, asset_id, changes.about)
    return True


async def _describe(connection: Connection, asset_id: AssetId, about: Mapping[str, Any]) -> None:
    if about:
        await connection.execute(_SQL["describe"], asset_id, dict(about))


async def delete(connection: Connection, asset_id: AssetId, owner_id: OwnerId) -> bool:
    """End the asset's steps and mark it as deleted, which takes effect at once.

    False where this owner has no such asset: then the transaction must be rolled back.
    """
    await steps.cancel(connection, asset_id)
    if await connection.fetchval(_SQL["delete"], asset_id, owner_id) is None:
        return False
    await outbox.add(connection, owner_id, asset_id, AssetDeleted())
    return True


async def take_down(connection: Connection, asset_id: AssetId, owner_id: OwnerId, *, down: bool) -> bool:
    """Take an asset down (it stays stored, nobody can watch it) or restore it. False where nothing changed."""
    return await connection.fetchval(_SQL["take_down"], asset_id, owner_id, down) is not None


async def delete_waiting(connection: Connection, asset_id: AssetId) -> bool:
    """Delete an asset that still waits for its first upload; False where it has been uploaded."""
    if await connection.fetchval(_SQL["delete_waiting"], asset_id) is None:
        return False
    await connection.execute(_SQL["revoke_playback"], asset_id)
    return True
