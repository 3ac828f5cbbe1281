"""Provisional revisions, playable while they are encoded: their playlists list finished segments only, and only grow.

Segments are appended by the step that makes them, fenced by its lease; a chunk encoded twice adds nothing. The revision
becomes the asset's, and the asset playable, with the first segment of the last rendition it waits for.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from core.db import publication, sql
from core.db.postgres import Connection, Pool
from core.db.steps import Step
from core.errors import LeaseLost
from core.media.checked_json import adapter
from core.media.encoded import Blob, Rendition, Segment
from core.model import AssetId, RevisionId

_SQL = sql.load("growing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts known before the encode. `awaited`: renditions that need a segment before the revision is shown."""

    target_s: int
    duration_s: Fraction
    awaited: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Growing:
    """Current state of a provisional revision. `ended`: renditions that are complete."""

    facts: Facts
    renditions: tuple[Rendition, ...]
    ended: frozenset[str]


async def append(
    pool: Pool, step: Step, revision_id: RevisionId, facts: Facts, rendition: Rendition, first_number: int
) -> None:
    """List the segments of `rendition`, numbered from `first_number`. Raises LeaseLost.

    The asset becomes playable once every awaited rendition has its first segment.
    """
    async with pool.acquire() as connection, connection.transaction():
        if await connection.fetchval(_SQL["holds"], step.id, step.lease_token) is None:
            raise LeaseLost
        where = (step.asset_id, revision_id)
        await connection.execute(_SQL["insert_revision"], *where, adapter(Facts).dump_python(facts, mode="json"))
        bare = adapter(Rendition).dump_python(replace(rendition, segments=()), mode="json")
        await connection.execute(_SQL["insert_rendition"], *where, rendition.id, bare)
        await connection.execute(
            _SQL["insert_segments"],
            *where,
            rendition.id,
            [first_number + number for number in range(len(rendition.segments))],
            [segment.blob.sha256 for segment in rendition.segments],
            [segment.blob.size_bytes for segment in rendition.segments],
            [segment.duration for segment in rendition.segments],
        )
        begun = await connection.fetchval(_SQL["begun"], *where) or []
        if set(facts.awaited) <= set(begun):
            summary: dict[str, Any] = {"duration_s": round(float(facts.duration_s), 6), "renditions": []}
            await publication.publish_provisional(connection, step.asset_id, revision_id, summary)


async def end(connection: Connection, asset_id: AssetId, revision_id: RevisionId, rendition: str) -> None:
    """Mark a rendition of the provisional revision as complete: no more segments follow."""
    await connection.execute(_SQL["end_rendition"], asset_id, revision_id, rendition)


async def read(pool: Pool, asset_id: AssetId, revision_id: RevisionId) -> Growing | None:
    """Current state of a provisional revision; None where it does not exist or has no segment."""
    rows = await pool.fetch(_SQL["read"], asset_id, revision_id)
    if not rows:
        return None
    renditions: dict[str, Rendition] = {}
    segments: dict[str, list[Segment]] = {}
    for row in rows:
        name = row["rendition_id"]
        if name not in renditions:
            renditions[name] = adapter(Rendition).validate_python(row["rendition"])
        # Chunks follow each other, so numbers have no holes; where one was, what comes after it is not listed yet.
        if row["number"] == len(segments.setdefault(name, [])):
            blob = Blob(sha256=row["sha256"], size_bytes=row["size_bytes"])
            segments[name].append(Segment(blob=blob, duration=row["duration"]))
    return Growing(
        facts=adapter(Facts).validate_python(rows[0]["facts"]),
        renditions=tuple(replace(r, segments=tuple(segments[name])) for name, r in renditions.items()),
        ended=frozenset(row["rendition_id"] for row in rows if row["ended"]),
    )
