"""Tracks of a title beside its own, in PostgreSQL: one function per statement of tracks.sql.

A change of a track counts the asset's `tracks_version` up and owes a republication where there is something published.
A publication that read an older version owes one, too: so none is left out, whoever was quicker.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from core import outbox, sql, steps
from core.db import Connection, Pool
from core.languages import language_name
from core.model import AssetId, OwnerId, StepId, StepKind, new_id

_SQL = sql.load("tracks")
TrackId = NewType("TrackId", str)
Owed = tuple[StepId | None, StepKind]  # None: it is owed already
UNKNOWN = "und"  # the language of what nobody has listened to yet [BCP 47]


class TrackKind(StrEnum):
    SUBTITLES = "subtitles"  # what is said
    CAPTIONS = "captions"  # and what else is to be heard
    AUDIO = "audio"  # the sound in another language


class TrackStatus(StrEnum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    READY = "ready"
    SKIPPED = "skipped"  # it cannot be made here, which is nobody's fault
    ERRORED = "errored"


class TrackSource(StrEnum):
    """Where its text, or its sound, is from."""

    UPLOADED = "uploaded"
    EMBEDDED = "embedded"  # in the title's own upload
    GENERATED = "generated"  # heard by a machine
    TRANSLATED = "translated"  # by a machine, too
    EDITED = "edited"  # one of the former three, changed by a person


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A row of `track_view`."""

    id: TrackId
    asset_id: AssetId
    kind: TrackKind
    language: str
    language_probability: float | None
    name: str
    status: TrackStatus
    progress: float | None
    source: TrackSource
    generated: bool
    reviewed: bool
    model: str | None
    version: int
    wanted: dict[str, Any] | None
    made: dict[str, Any] | None
    error: dict[str, str] | None
    created_at: datetime
    updated_at: datetime

    @property
    def rendition_id(self) -> str:
        """Its folder in a revision: stays the same however often the title is published."""
        return f"{'d' if self.kind is TrackKind.AUDIO else 't'}{self.id[-10:]}"

    @property
    def is_awaited(self) -> bool:
        return self.status in (TrackStatus.QUEUED, TrackStatus.IN_PROGRESS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a machine tells of the words it made."""

    source: TrackSource
    model: str
    language: str
    language_probability: float | None  # None: its owner said it


def _track(row: Any) -> Track:
    kinds = {"kind": TrackKind(row["kind"]), "status": TrackStatus(row["status"]), "source": TrackSource(row["source"])}
    return Track(**{**row, **kinds})


async def insert(
    connection: Connection,
    asset_id: AssetId,
    *,
    kind: TrackKind,
    language: str | None,
    name: str | None,
    source: TrackSource = TrackSource.UPLOADED,
    wanted: dict[str, Any] | None = None,
    made: dict[str, Any] | None = None,
) -> TrackId:
    """A track that is there already (`made`), or is to be made out of what is `wanted`."""
    track_id = TrackId(new_id("tr"))
    status = TrackStatus.QUEUED if made is None else TrackStatus.READY
    tag = language or UNKNOWN
    await connection.execute(
        _SQL["insert"],
        *(track_id, asset_id, kind.value, tag, name or language_name(tag)),
        *(status.value, source.value, wanted, made),
    )
    return track_id


async def of_owner(pool: Pool, track_id: str, asset_id: str, owner_id: OwnerId) -> Track | None:
    row = await pool.fetchrow(_SQL["of_owner"], track_id, asset_id, owner_id)
    return _track(row) if row else None


async def by_id(pool: Pool | Connection, track_id: TrackId) -> Track | None:
    row = await pool.fetchrow(_SQL["by_id"], track_id)
    return _track(row) if row else None


async def of_asset(pool: Pool | Connection, asset_id: AssetId) -> list[Track]:
    return [_track(row) for row in await pool.fetch(_SQL["of_asset"], asset_id)]


async def change(
    connection: Connection,
    track: Track,
    *,
    made: dict[str, Any] | None = None,
    name: str | None = None,
    language: str | None = None,
    reviewed: bool | None = None,
) -> Track | None:
    """By a person, whose words go before a machine's. None where it is not at this version any more."""
    if await connection.fetchval(_SQL["change"], track.id, track.version, made, name, language, reviewed) is None:
        return None
    if made is not None:
        await connection.execute(_SQL["stop"], track.asset_id, track.id)
    return await by_id(connection, track.id)


async def make_again(connection: Connection, track: Track, wanted: dict[str, Any]) -> dict[str, Any] | None:
    """What is wanted now, for `owe`. None where it is not at this version any more, or is being made."""
    wanted = {**wanted, "again": new_id("st")}  # a step of its own each time
    done = await connection.fetchval(_SQL["again"], track.id, track.version, wanted)
    return wanted if done is not None else None


async def finish(
    connection: Connection, track: Track, made: dict[str, Any], found: Found | None = None
) -> StepId | None:
    """A step has made it; the republication owed for it. Nothing happens where it is not waited for any more."""
    told: list[object] = [None] * 6
    if found is not None:
        names = (language_name(UNKNOWN), language_name(found.language))
        told = [found.language, *names, found.source.value, found.model, found.language_probability]
    if await connection.fetchval(_SQL["made"], track.id, made, *told) is None:
        return None
    return await changed(connection, track.asset_id, "video.track.ready", track.id)


async def give_up(connection: Connection, track: Track, status: TrackStatus, error: dict[str, str]) -> None:
    """It was skipped or failed. The title is as it was."""
    if await connection.fetchval(_SQL["not_made"], track.id, status.value, error) is not None:
        await changed(connection, track.asset_id, f"video.track.{status.value}", track.id, publish=False)


async def remove(connection: Connection, track: Track) -> bool:
    """With the work on it. False where it is not at this version any more."""
    if await connection.fetchval(_SQL["remove"], track.id, track.version) is None:
        return False
    await connection.execute(_SQL["stop"], track.asset_id, track.id)
    return True


async def changed(
    connection: Connection, asset_id: AssetId, event: str, track_id: TrackId, *, publish: bool = True
) -> StepId | None:
    """Tell it, and owe the republication where there is something published."""
    row = await connection.fetchrow(_SQL["changed"], asset_id)
    await outbox.add(connection, row["owner_id"], event, track_id, {"asset_id": asset_id})
    if not (publish and row["published"]):
        return None
    return await _owe_publication(connection, asset_id, row["tracks_version"])


async def published(connection: Connection, asset_id: AssetId, version: int) -> None:
    """A publication with the tracks of this version is done: owe those that waited for it, and, where the version is
    old by now, another publication.
    """
    now = await connection.fetchval(_SQL["published_version"], asset_id)
    if now != version:
        await _owe_publication(connection, asset_id, now)
    for row in await connection.fetch(_SQL["waiting"], asset_id):
        await _owe(connection, asset_id, row["id"], TrackKind(row["kind"]), row["wanted"] or {})


async def owe(
    connection: Connection, asset_id: AssetId, track_id: TrackId, kind: TrackKind, wanted: dict[str, Any]
) -> list[Owed]:
    """The step that makes it, in the transaction that wants it. Where nothing is published yet, the publication owes
    it."""
    if not await connection.fetchval(_SQL["is_published"], asset_id):
        return []
    return [await _owe(connection, asset_id, track_id, kind, wanted)]


async def _owe(
    connection: Connection, asset_id: AssetId, track_id: TrackId, kind: TrackKind, wanted: dict[str, Any]
) -> Owed:
    """Once for each time it is wanted."""
    step_input = {"track": track_id} | ({"again": wanted["again"]} if "again" in wanted else {})
    step = StepKind.TRANSLATE if "translate" in wanted else StepKind.TRANSCRIBE
    if kind is TrackKind.AUDIO:
        step = StepKind.DUB
    return await steps.insert(connection, asset_id, step, step_input), step


async def upload_replaced(connection: Connection, asset_id: AssetId, sha256: str) -> None:
    """The title is of this upload from now on: what was heard or found in another one is no longer said in it."""
    await connection.execute(_SQL["source_replaced"], asset_id, sha256)
    for row in await connection.fetch(_SQL["embedded_elsewhere"], asset_id, sha256):
        await changed(connection, asset_id, "video.track.removed", row["id"], publish=False)


async def _owe_publication(connection: Connection, asset_id: AssetId, version: int) -> StepId | None:
    return await steps.insert(connection, asset_id, StepKind.REPUBLISH, {"tracks": version})
