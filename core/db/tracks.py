"""Additional tracks of an asset (subtitles, captions, audio) in PostgreSQL: one function per statement of tracks.sql.

Each change of a track increments the asset's `tracks_version` and, where something is published, enqueues a
republication. A publication that read an older version enqueues another one, so no change is lost whichever commits
first. Every change locks the asset before the track.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, NewType

from core.db import outbox, sql, steps
from core.db.postgres import Connection, Pool
from core.event_types import TrackErrored, TrackEvent, TrackReady, TrackRemoved, TrackSkipped
from core.media.languages import language_name
from core.model import AssetId, OwnerId, StepId, StepKind, new_id

_SQL = sql.load("tracks")
TrackId = NewType("TrackId", str)
QueuedStep = tuple[StepId | None, StepKind]  # the step is None where it is enqueued already
UNKNOWN = "und"  # BCP 47: the language is not detected yet


class TrackKind(StrEnum):
    SUBTITLES = "subtitles"  # speech
    CAPTIONS = "captions"  # speech and other sounds
    AUDIO = "audio"  # audio in another language


class TrackStatus(StrEnum):
    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    READY = "ready"
    SKIPPED = "skipped"  # it cannot be made on this installation
    ERRORED = "errored"


_GIVEN_UP = {TrackStatus.SKIPPED: TrackSkipped, TrackStatus.ERRORED: TrackErrored}


class TrackSource(StrEnum):
    """Where the text or audio of a track comes from."""

    UPLOADED = "uploaded"
    EMBEDDED = "embedded"  # extracted from the asset's upload
    GENERATED = "generated"  # by speech recognition
    TRANSLATED = "translated"  # by machine translation
    EDITED = "edited"  # changed by a person, whatever it came from


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A row of `track_view`: a track with its status and the progress of its step."""

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
    doubtful: list[dict[str, Any]]  # times whose text may be wrong: start_s, end_s, reasons, shown
    error: dict[str, str] | None
    created_at: datetime
    updated_at: datetime

    @property
    def rendition_id(self) -> str:
        """Name of the track's folder in each revision; it never changes."""
        return f"{'d' if self.kind is TrackKind.AUDIO else 't'}{self.id[-10:]}"

    @property
    def forced(self) -> bool:
        """Whether it is only what everybody has to read, and no full text of what is said."""
        return bool((self.made or {}).get("forced"))

    @property
    def warnings(self) -> list[dict[str, str]]:
        """What was done to its text so that it fits the title: code and message of each."""
        return list((self.made or {}).get("warnings", []))

    @property
    def is_awaited(self) -> bool:
        return self.status in (TrackStatus.QUEUED, TrackStatus.IN_PROGRESS)

    @property
    def step_input(self) -> dict[str, Any]:
        """The input of a step that makes the track; one beside an encode gets its plan and source, too."""
        return _step_input(self.id, self.wanted)

    @property
    def again(self) -> str | None:
        """Id of the request to generate the track again; None for the first one."""
        return (self.wanted or {}).get("again")

    def waits_for(self, step_input: dict[str, Any]) -> bool:
        """Whether a step with this input is the one whose result the track waits for."""
        return self.is_awaited and step_input.get("again") == self.again


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What speech recognition or translation reports about the text it made."""

    source: TrackSource
    model: str
    language: str
    language_probability: float | None  # None where the owner named the language


def _step_input(track_id: str, wanted: dict[str, Any] | None) -> dict[str, Any]:
    again = (wanted or {}).get("again")
    return {"track": track_id} if again is None else {"track": track_id, "again": again}


def _track(row: Any) -> Track:
    kinds = {"kind": TrackKind(row["kind"]), "status": TrackStatus(row["status"]), "source": TrackSource(row["source"])}
    return Track(**{**row, **kinds})


async def lock(connection: Connection, asset_id: AssetId) -> None:
    """Lock the asset: until the transaction ends its tracks and published revision change here only."""
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
    """Add a track: ready with the content `made`, or queued to be made from `wanted`. Returns its id."""
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
    """The track of any asset; None for an unknown id."""
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
    """Apply a person's edit and stop the work on the track. None where the track's version has changed meanwhile."""
    await lock(connection, track.asset_id)
    status = await connection.fetchval(_SQL["change"], track.id, track.version, made, name, language, reviewed)
    if status is None:
        return None
    if status == TrackStatus.READY:
        await _stop(connection, track.asset_id, [track.id])
    return await by_id(connection, track.id)


async def make_again(connection: Connection, track: Track, wanted: dict[str, Any]) -> bool:
    """Queue the track to be made again. False where its version has changed or it is being made."""
    await lock(connection, track.asset_id)
    wanted = {**wanted, "again": new_id("st")}  # a step of its own each time
    return await connection.fetchval(_SQL["again"], track.id, track.version, wanted) is not None


async def finish(
    connection: Connection, track: Track, made: dict[str, Any], found: Found | None = None
) -> StepId | None:
    """Store what a step has made and return the enqueued republication. None where the track no longer waits for it."""
    await lock(connection, track.asset_id)
    details: list[object] = [None] * 6
    if found is not None:
        names = (language_name(UNKNOWN), language_name(found.language))
        details = [found.language, *names, found.source.value, found.model, found.language_probability]
    if await connection.fetchval(_SQL["made"], track.id, made, *details, track.again) is None:
        return None
    return await changed(connection, track.asset_id, TrackReady, track.id)


async def give_up(connection: Connection, track: Track, status: TrackStatus, error: dict[str, str]) -> None:
    """Record that the track was skipped or failed. What is published stays."""
    await lock(connection, track.asset_id)
    if await connection.fetchval(_SQL["not_made"], track.id, status.value, error, track.again) is not None:
        await changed(connection, track.asset_id, _GIVEN_UP[status], track.id, publish=False)


async def remove(connection: Connection, track: Track) -> bool:
    """Remove the track and stop the work on it. False where its version has changed meanwhile."""
    await lock(connection, track.asset_id)
    if await connection.fetchval(_SQL["remove"], track.id, track.version) is None:
        return False
    await _stop(connection, track.asset_id, [track.id])
    return True


async def _stop(connection: Connection, asset_id: AssetId, track_ids: list[TrackId]) -> None:
    await connection.execute(_SQL["stop"], asset_id, track_ids)


async def changed(
    connection: Connection, asset_id: AssetId, event: type[TrackEvent], track_id: TrackId, *, publish: bool = True
) -> StepId | None:
    """Write the event of a change; where a revision is published, enqueue what waited for it and a republication.

    Returns the republication's step; None where nothing is published, or with `publish=False`.
    """
    row = await connection.fetchrow(_SQL["changed"], asset_id)
    await outbox.add(connection, row["owner_id"], track_id, event(asset_id=asset_id))
    if not row["published"]:
        return None
    await _enqueue_waiting(connection, asset_id)
    if not publish:
        return None
    return await steps.insert(connection, asset_id, StepKind.REPUBLISH, {"tracks": row["tracks_version"]})


async def title_published(
    connection: Connection, asset_id: AssetId, version: int, *, upload: str | None = None, by: StepId | None = None
) -> None:
    """Bring the tracks in line with a revision that was published with this version of them.

    `upload`: SHA-256 (hex) of the upload that the asset shows from now on, where step `by` has published one: tracks
    generated from another upload are reset, those embedded in it removed. Then the tracks that waited for the title are
    enqueued, and another publication where the version has changed meanwhile.
    """
    await lock(connection, asset_id)
    if upload is not None:
        before = await connection.fetchval(_SQL["shown_before"], asset_id, by)
        if before not in (None, upload):
            await _make_all_again(connection, asset_id, by)
        for row in await connection.fetch(_SQL["embedded_elsewhere"], asset_id, upload):
            await changed(connection, asset_id, TrackRemoved, row["id"], publish=False)
    now = await connection.fetchval(_SQL["published_version"], asset_id)
    if now != version:
        # Named by the publication as well: a republication with these tracks may have run on the revision before.
        again = {"tracks": now} if by is None else {"tracks": now, "after": by}
        await steps.insert(connection, asset_id, StepKind.REPUBLISH, again)
    await _enqueue_waiting(connection, asset_id)


async def upload_replaced(connection: Connection, asset_id: AssetId, *, by: StepId) -> None:
    """Step `by` has probed an upload of an asset without a published title: tracks of an earlier upload are reset."""
    await lock(connection, asset_id)
    if await connection.fetchval(_SQL["worked_on"], asset_id):
        await _make_all_again(connection, asset_id, by)


async def _make_all_again(connection: Connection, asset_id: AssetId, by: StepId | None) -> None:
    """Reset the generated tracks, and stop the work on them."""
    # Named by the step that found another upload, not by the upload, which may come back.
    made_again = await connection.fetch(_SQL["source_replaced"], asset_id, by)
    await _stop(connection, asset_id, [row["id"] for row in made_again])


async def enqueue(connection: Connection, asset_id: AssetId) -> list[QueuedStep]:
    """Enqueue the steps of all waiting tracks, in the caller's transaction; returns them.

    Before the first publication nothing is enqueued: the publication does it, if no transcription has begun beside the
    encode. A translation waits for its original.
    """
    if not await connection.fetchval(_SQL["is_published"], asset_id):
        return []
    return await _enqueue_waiting(connection, asset_id)


async def _enqueue_waiting(connection: Connection, asset_id: AssetId) -> list[QueuedStep]:
    """Enqueue the steps that make waiting tracks, once per request. One that is enqueued already has no step id."""
    queued: list[QueuedStep] = []
    for row in await connection.fetch(_SQL["waiting"], asset_id):
        kind = StepKind(row["step"])
        step_input = _step_input(row["id"], row["wanted"])
        queued.append((await steps.insert(connection, asset_id, kind, step_input), kind))
    return queued
