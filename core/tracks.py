"""Tracks of a title beside its own, in PostgreSQL: one function per statement of tracks.sql.

A change of a track counts the asset's `tracks_version` up and owes a republication where there is something published.
A publication that read an older version owes one, too: so none is left out, whoever was quicker. Every change locks the
asset before the track.
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

    @property
    def again(self) -> str | None:
        """Which time it is wanted; None: the first."""
        return (self.wanted or {}).get("again")

    def waits_for(self, step_input: dict[str, Any]) -> bool:
        """Whether the step with this input is still the one that is to make it."""
        return self.is_awaited and step_input.get("again") == self.again


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


async def lock(connection: Connection, asset_id: AssetId) -> None:
    """Until the transaction ends, nobody else changes its tracks or what is published of it."""
    await connection.execute(_SQL["lock"], asset_id)


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
    await lock(connection, asset_id)
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
    await lock(connection, track.asset_id)
    status = await connection.fetchval(_SQL["change"], track.id, track.version, made, name, language, reviewed)
    if status is None:
        return None
    if status == TrackStatus.READY:
        await _stop(connection, track.asset_id, [track.id])
    return await by_id(connection, track.id)


async def make_again(connection: Connection, track: Track, wanted: dict[str, Any]) -> bool:
    """False where it is not at this version any more, or is being made."""
    await lock(connection, track.asset_id)
    wanted = {**wanted, "again": new_id("st")}  # a step of its own each time
    return await connection.fetchval(_SQL["again"], track.id, track.version, wanted) is not None


async def finish(
    connection: Connection, track: Track, made: dict[str, Any], found: Found | None = None
) -> StepId | None:
    """A step has made it; the republication owed for it. Nothing happens where it is not waited for any more."""
    await lock(connection, track.asset_id)
    told: list[object] = [None] * 6
    if found is not None:
        names = (language_name(UNKNOWN), language_name(found.language))
        told = [found.language, *names, found.source.value, found.model, found.language_probability]
    if await connection.fetchval(_SQL["made"], track.id, made, *told, track.again) is None:
        return None
    return await changed(connection, track.asset_id, "video.track.ready", track.id)


async def give_up(connection: Connection, track: Track, status: TrackStatus, error: dict[str, str]) -> None:
    """It was skipped or failed. The title is as it was."""
    await lock(connection, track.asset_id)
    if await connection.fetchval(_SQL["not_made"], track.id, status.value, error, track.again) is not None:
        await changed(connection, track.asset_id, f"video.track.{status.value}", track.id, publish=False)


async def remove(connection: Connection, track: Track) -> bool:
    """With the work on it. False where it is not at this version any more."""
    await lock(connection, track.asset_id)
    if await connection.fetchval(_SQL["remove"], track.id, track.version) is None:
        return False
    await _stop(connection, track.asset_id, [track.id])
    return True


async def _stop(connection: Connection, asset_id: AssetId, track_ids: list[TrackId]) -> None:
    await connection.execute(_SQL["stop"], asset_id, track_ids)


async def changed(
    connection: Connection, asset_id: AssetId, event: str, track_id: TrackId, *, publish: bool = True
) -> StepId | None:
    """Tell it. Where there is something published, owe what waited for this track, and the republication."""
    row = await connection.fetchrow(_SQL["changed"], asset_id)
    await outbox.add(connection, row["owner_id"], event, track_id, {"asset_id": asset_id})
    if not row["published"]:
        return None
    await _owe_waiting(connection, asset_id)
    return await _owe_publication(connection, asset_id, row["tracks_version"]) if publish else None


async def published(connection: Connection, asset_id: AssetId, version: int) -> None:
    """A publication with the tracks of this version is done: owe those that waited for it, and, where the version is
    old by now, another publication.
    """
    now = await connection.fetchval(_SQL["published_version"], asset_id)
    if now != version:
        await _owe_publication(connection, asset_id, now)
    await _owe_waiting(connection, asset_id)


async def owe(connection: Connection, asset_id: AssetId) -> list[Owed]:
    """The steps that make what is wanted, in the transaction that wants it. Where nothing is published yet, the
    publication owes them; a translation, the end of its original."""
    if not await connection.fetchval(_SQL["is_published"], asset_id):
        return []
    return await _owe_waiting(connection, asset_id)


async def _owe_waiting(connection: Connection, asset_id: AssetId) -> list[Owed]:
    """Those that are owed already stay so."""
    return [
        await _owe(connection, asset_id, row["id"], TrackKind(row["kind"]), row["wanted"] or {})
        for row in await connection.fetch(_SQL["waiting"], asset_id)
    ]


async def _owe(
    connection: Connection, asset_id: AssetId, track_id: TrackId, kind: TrackKind, wanted: dict[str, Any]
) -> Owed:
    """Once for each time it is wanted."""
    step_input = {"track": track_id} | ({"again": wanted["again"]} if "again" in wanted else {})
    step = StepKind.TRANSLATE if "translate" in wanted else StepKind.TRANSCRIBE
    if kind is TrackKind.AUDIO:
        step = StepKind.DUB
    return await steps.insert(connection, asset_id, step, step_input), step


async def upload_published(connection: Connection, asset_id: AssetId, sha256: str, publication: StepId) -> None:
    """The title is of this upload from now on: what was heard or found in another one is no longer said in it. Before
    `published`, which owes what is made again."""
    await lock(connection, asset_id)
    before = await connection.fetchval(_SQL["shown_before"], asset_id, publication)
    if before not in (None, sha256):
        # Named by the publication, not by the upload, which may come back.
        made_again = await connection.fetch(_SQL["source_replaced"], asset_id, publication)
        await _stop(connection, asset_id, [row["id"] for row in made_again])
    for row in await connection.fetch(_SQL["embedded_elsewhere"], asset_id, sha256):
        await changed(connection, asset_id, "video.track.removed", row["id"], publish=False)


async def _owe_publication(connection: Connection, asset_id: AssetId, version: int) -> StepId | None:
    return await steps.insert(connection, asset_id, StepKind.REPUBLISH, {"tracks": version})
