"""Playback ids in PostgreSQL: one function per statement of playback.sql."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.db import pictures, sql
from core.db.pictures import Pictures
from core.db.postgres import Connection, Pool
from core.listing import Standing
from core.model import AssetId, AssetStatus, OwnerId, PlaybackId, Policy, RevisionId, new_id

_SQL = sql.load("playback")


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The asset and revision that a playback id refers to now. `revision_id` is None until one is published."""

    policy: Policy
    asset_id: AssetId
    owner_id: OwnerId
    revision_id: RevisionId | None
    title: str
    status: AssetStatus
    deleted: bool
    taken_down: bool
    allowed_domains: tuple[str, ...]  # of the pages that may play it; none: any page
    chapters_version: str | None = None  # changes with the chapters that the owner has given; None: there are none
    language: str | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    published_at: datetime | None = None
    expires_at: datetime | None = None  # neither listed nor played from then on
    listed: bool = False  # its owner wants it found
    page_url: str | None = None
    family_friendly: bool = True
    author: dict[str, str | None] | None = None
    complete: bool = False
    public_id: PlaybackId | None = None  # by which the public knows it, where it has several
    has_poster: bool = False
    trace: str | None = None  # of its upload: core.telemetry.trace

    @property
    def standing(self) -> Standing:
        """What decides whether the public may find it."""
        return Standing(
            policy=self.policy,
            wanted=self.listed,
            complete=self.complete,
            deleted=self.deleted,
            taken_down=self.taken_down,
            expires_at=self.expires_at,
            has_poster=self.has_poster,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Title:
    """What the URLs of a playback id depend on: how its asset is encoded, and its images where there are some yet."""

    options: dict[str, Any]
    pictures: Pictures | None


async def insert(connection: Connection, asset_id: AssetId, policy: Policy) -> PlaybackId:
    playback_id = PlaybackId(new_id("pb"))
    await connection.execute(_SQL["insert"], playback_id, asset_id, policy.value)
    return playback_id


async def set_policy(connection: Connection, asset_id: AssetId, policy: Policy) -> None:
    """Give all playback ids of an asset this policy."""
    await connection.execute(_SQL["set_policy"], asset_id, policy.value)


async def of_owner(pool: Pool, playback_id: str, owner_id: OwnerId) -> Title | None:
    """What an owner's playback id plays; None where it belongs to nobody or another owner."""
    row = await pool.fetchrow(_SQL["of_owner"], playback_id, owner_id)
    if row is None:
        return None
    shown = None if row["pictures"] is None else pictures.pictures(row["pictures"])
    return Title(options=row["options"], pictures=shown)


async def remove(pool: Pool, playback_id: str, asset_id: str, owner_id: OwnerId) -> bool:
    """Delete a playback id. False where this asset of this owner has no such id."""
    return await pool.fetchval(_SQL["remove"], playback_id, asset_id, owner_id) is not None


async def published(pool: Pool, playback_id: str) -> Published | None:
    row = await pool.fetchrow(_SQL["published"], playback_id)
    if row is None:
        return None
    return Published(
        **{
            **row,
            "policy": Policy(row["policy"]),
            "status": AssetStatus(row["status"]),
            "allowed_domains": tuple(row["allowed_domains"]),
            "tags": tuple(row["tags"]),
        }
    )


async def chapters(pool: Pool, asset_id: AssetId) -> list[dict[str, Any]] | None:
    """The chapters that the owner has given: start_s and title of each. None where there are none."""
    found: list[dict[str, Any]] | None = await pool.fetchval(_SQL["chapters"], asset_id)
    return found
