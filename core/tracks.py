"""Tracks that were added to a title, in PostgreSQL: one function per statement of tracks.sql.

A change of a track counts the asset's `tracks_version` up and owes a republication where there is something published.
A publication that read an older version owes one, too: so none is left out, whoever was quicker.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from core import outbox, sql, steps
from core.db import Connection, Pool
from core.model import AssetId, OwnerId, StepId, StepKind, new_id

_SQL = sql.load("tracks")
TrackId = NewType("TrackId", str)


class TrackKind(StrEnum):
    SUBTITLES = "subtitles"  # what is said
    CAPTIONS = "captions"  # and what else is to be heard
    AUDIO = "audio"  # the sound in another language


class TrackStatus(StrEnum):
    PROCESSING = "processing"
    READY = "ready"
    SKIPPED = "skipped"  # it cannot be made here, which is nobody's fault
    ERRORED = "errored"


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A row of `tracks`."""

    id: TrackId
    asset_id: AssetId
    kind: TrackKind
    language: str
    name: str
    status: TrackStatus
    generated: bool
    version: int
    wanted: dict[str, str] | None
    made: dict[str, Any] | None
    error: dict[str, str] | None
    created_at: datetime
    updated_at: datetime

    @property
    def rendition_id(self) -> str:
        """Its folder in a revision: stays the same however often the title is published."""
        return f"{'d' if self.kind is TrackKind.AUDIO else 't'}{self.id[-10:]}"


def _track(row: Any) -> Track:
    return Track(**{**row, "kind": TrackKind(row["kind"]), "status": TrackStatus(row["status"])})


async def insert(
    connection: Connection,
    asset_id: AssetId,
    *,
    kind: TrackKind,
    language: str,
    name: str,
    generated: bool = False,
    wanted: dict[str, str] | None = None,
    made: dict[str, Any] | None = None,
) -> TrackId:
    """A track that is there already (`made`), or is to be made out of what is `wanted`."""
    track_id = TrackId(new_id("tr"))
    status = TrackStatus.PROCESSING if made is None else TrackStatus.READY
    await connection.execute(
        _SQL["insert"], track_id, asset_id, kind.value, language, name, status.value, generated, wanted, made
    )
    return track_id


async def of_owner(pool: Pool, track_id: str, asset_id: str, owner_id: OwnerId) -> Track | None:
    row = await pool.fetchrow(_SQL["of_owner"], track_id, asset_id, owner_id)
    return _track(row) if row else None


async def by_id(pool: Pool, track_id: TrackId) -> Track | None:
    row = await pool.fetchrow(_SQL["by_id"], track_id)
    return _track(row) if row else None


async def of_asset(pool: Pool, asset_id: AssetId) -> list[Track]:
    return [_track(row) for row in await pool.fetch(_SQL["of_asset"], asset_id)]


async def change(
    connection: Connection,
    track: Track,
    *,
    made: dict[str, Any] | None = None,
    name: str | None = None,
    language: str | None = None,
) -> Track | None:
    """None where it is not at this version any more."""
    row = await connection.fetchrow(_SQL["change"], track.id, track.version, made, name, language)
    return _track(row) if row else None


async def finish(connection: Connection, track: Track, made: dict[str, Any]) -> StepId | None:
    """A step has made it; the republication owed for it. Nothing happens where it is not waited for any more."""
    if await connection.fetchval(_SQL["made"], track.id, made) is None:
        return None
    return await changed(connection, track.asset_id, "video.track.ready", track.id)


async def give_up(connection: Connection, track: Track, status: TrackStatus, error: dict[str, str]) -> None:
    """It was skipped or failed. The title is as it was."""
    if await connection.fetchval(_SQL["not_made"], track.id, status.value, error) is not None:
        await changed(connection, track.asset_id, f"video.track.{status.value}", track.id, publish=False)


async def remove(connection: Connection, track: Track) -> bool:
    """False where it is not at this version any more."""
    return await connection.fetchval(_SQL["remove"], track.id, track.version) is not None


async def changed(
    connection: Connection, asset_id: AssetId, event: str, track_id: TrackId, *, publish: bool = True
) -> StepId | None:
    """Tell it, and owe the republication where there is something published."""
    row = await connection.fetchrow(_SQL["changed"], asset_id)
    await outbox.add(connection, row["owner_id"], event, track_id, {"asset_id": asset_id})
    if not (publish and row["published"]):
        return None
    return await _owe(connection, asset_id, row["tracks_version"])


async def published(connection: Connection, asset_id: AssetId, version: int) -> None:
    """A publication with the tracks of this version is done: owe the sounds that waited for it, and, where the version
    is old by now, another publication.
    """
    now = await connection.fetchval(_SQL["published_version"], asset_id)
    if now != version:
        await _owe(connection, asset_id, now)
    for row in await connection.fetch(_SQL["waiting"], asset_id):
        await owe_sound(connection, asset_id, row["id"])


async def owe_sound(connection: Connection, asset_id: AssetId, track_id: TrackId) -> StepId | None:
    """Once each."""
    return await steps.insert(connection, asset_id, StepKind.DUB, {"track": track_id})


async def _owe(connection: Connection, asset_id: AssetId, version: int) -> StepId | None:
    return await steps.insert(connection, asset_id, StepKind.REPUBLISH, {"tracks": version})
