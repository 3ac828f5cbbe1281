"""Publications in PostgreSQL: what a new revision is made from, and the transaction that makes it the published one.

Every write here runs in the transaction that ends the step, after the revision's files are in storage.
"""

from dataclasses import dataclass
from typing import Any

from core.db import outbox, sql, steps, tracks
from core.db.postgres import Connection, Pool
from core.db.steps import Done
from core.db.tracks import Track
from core.event_types import AssetPlayable, AssetReady
from core.model import AssetId, RevisionId, StepId, StepKind, new_id
from core.step_kinds import ENCODE_PARTS
from core.telemetry import metrics

_SQL = sql.load("publication")


@dataclass(frozen=True, slots=True, kw_only=True)
class TitleRows:
    """What PostgreSQL knows of a title that is about to be published.

    `tracks_version` is the asset's count of track changes when its tracks were read. `upload` is the SHA-256 (hex) of
    the upload that the run encoded; the asset may have another source by now. `parts` are the encode steps of the run.
    """

    tracks_version: int
    tracks: list[Track]
    upload: str
    parts: list[Done]


async def read_title(pool: Pool, asset_id: AssetId, run: str) -> TitleRows:
    """The rows of a title whose media this run has encoded."""
    # The version first: what changes while the rest is read is published once more, never forgotten.
    version = await pool.fetchval(_SQL["tracks_version"], asset_id)
    all_tracks = await tracks.of_asset(pool, asset_id)
    done = await steps.done_of_run(pool, asset_id, run, ENCODE_PARTS | {StepKind.ANALYSE})
    analysed = [step for step in done if step.kind is StepKind.ANALYSE]
    return TitleRows(
        tracks_version=version or 0,
        tracks=all_tracks,
        upload=analysed[-1].input["source"],
        parts=[step for step in done if step.kind is not StepKind.ANALYSE],
    )


async def publish(
    connection: Connection,
    asset_id: AssetId,
    revision_id: RevisionId,
    summary: dict[str, Any],
    *,
    title: TitleRows,
    by: StepId,
) -> None:
    """Make this revision the one that new sessions get, tell the owner, and bring the tracks in line with it."""
    await connection.execute(_SQL["insert_revision"], revision_id, asset_id, summary)
    row = await connection.fetchrow(_SQL["publish"], asset_id, revision_id)
    if row:
        ready = AssetReady(revision=revision_id, duration_s=summary["duration_s"])
        await outbox.add(connection, row["owner_id"], asset_id, ready)
        _count_playable(row["playable_after_s"])
    await tracks.title_published(connection, asset_id, title.tracks_version, upload=title.upload, by=by)


async def republish(
    connection: Connection,
    asset_id: AssetId,
    revision_id: RevisionId,
    summary: dict[str, Any],
    *,
    tracks_version: int,
    instead_of: RevisionId,
    step_input: dict[str, Any],
) -> None:
    """Publish a revision in place of `instead_of`.

    Where another one was published meanwhile, enqueue a republication with this input on top of that one.
    """
    await connection.execute(_SQL["insert_revision"], revision_id, asset_id, summary)
    if await connection.fetchval(_SQL["republish"], asset_id, revision_id, instead_of) is None:
        await steps.insert(connection, asset_id, StepKind.REPUBLISH, {**step_input, "again": new_id("st")})
        return
    await tracks.title_published(connection, asset_id, tracks_version)


async def publish_provisional(
    connection: Connection, asset_id: AssetId, revision_id: RevisionId, summary: dict[str, Any]
) -> bool:
    """Publish a provisional revision until the ladder is ready; True when this made the asset playable."""
    await connection.execute(_SQL["insert_revision"], revision_id, asset_id, summary)
    row = await connection.fetchrow(_SQL["publish_provisional"], asset_id, revision_id)
    if row is None:
        return False
    await outbox.add(connection, row["owner_id"], asset_id, AssetPlayable(revision=revision_id))
    _count_playable(row["playable_after_s"])
    return True


def _count_playable(after_s: float | None) -> None:
    """Count with the write, though it may still be rolled back: a worker that loses its lease just then is rare."""
    if after_s is not None:
        metrics.FIRST_PLAYABLE.observe(after_s)
