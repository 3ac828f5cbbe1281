"""What the rows of an asset refer to in storage, and what they referred to until a while ago: the rows of `garbage`.

Triggers of the database write an entry in the transaction that releases something: a revision, a source, the text of a
track, an album. Its objects are kept for `wait_s` more, then deleted, and the entry last. So everything that any row
referred to within the last `wait_s` is still in storage, for sessions on it and for a backup of that time.
"""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.db import sql
from core.db.postgres import Connection, Pool
from core.db.steps import names
from core.model import AssetId, AssetStatus, RevisionId, StepKind, StepState
from core.step_kinds import BEGIN_RUN, BLOCK_REPROCESS, PROBES, SURVIVE_STOP

_SQL = sql.load("garbage")
_SHA256 = re.compile(rb"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
# Kinds whose newest step that is done is read again later, whatever has been published: what was shown, what the album
# was made of, and where the keyframes of the source lie.
READ_LATER = frozenset({StepKind.PUBLISH, StepKind.PICTURES, *PROBES})


def hashes(text: bytes) -> frozenset[str]:
    """Every SHA-256 in hex that stands in the text, whatever it is a hash of."""
    return frozenset(found.decode() for found in _SHA256.findall(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What an asset's rows need in storage: hashes in hex, and ids of revisions whose manifests name more.

    `documents` may be JSON that names further objects; `leaves` name none. Two that are equal say that nothing has
    happened between them.
    """

    busy: bool  # a step is queued or under way
    published: RevisionId | None  # without its manifest nothing may be deleted
    revisions: frozenset[str]
    documents: frozenset[str]
    leaves: frozenset[str]
    sources: frozenset[str]
    useless_source: bool  # of a rejected upload that nobody has retried in time
    entries: tuple[int, ...]  # old enough to be forgotten once their objects are deleted
    steps: tuple[int, datetime | None]  # how many, and when the last one ended


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An asset to look through; entries from before `cutoff` are old enough."""

    asset_id: AssetId
    cutoff: datetime


async def due(pool: Pool, wait_s: int, limit: int, pause_s: int) -> list[Due]:
    """Assets with entries older than `wait_s`, for the caller alone until `pause_s` from now."""
    rows = await pool.fetch(_SQL["due"], wait_s, _tidying(), limit, pause_s)
    return [
        Due(asset_id=asset_id, cutoff=cutoff) for asset_id, cutoff in {r["asset_id"]: r["cutoff"] for r in rows}.items()
    ]


async def held(connection: Connection, one: Due) -> Held:
    """What the rows of the asset refer to now or have referred to since the cutoff."""
    asset_id = one.asset_id
    asset = await connection.fetchrow(_SQL["asset"], asset_id, _tidying())
    entries = await connection.fetch(_SQL["entries"], asset_id, one.cutoff)
    recent = [row["released"] for row in entries if not row["expired"]]
    nothing = frozenset[str]()
    common: dict[str, Any] = {
        "busy": asset["busy"],
        "entries": tuple(row["id"] for row in entries if row["expired"]),
        "steps": (asset["steps"], asset["last_step"]),
    }
    if asset["deleted_at"] is not None:
        return Held(
            published=None,
            revisions=nothing,
            documents=nothing,
            leaves=nothing,
            sources=nothing,
            useless_source=False,
            **common,
        )
    read_later = await connection.fetch(_SQL["read_by_steps"], asset_id, names(READ_LATER), one.cutoff)
    runs = [row["input"].get("run", "") for row in read_later if row["kind"] == StepKind.PUBLISH]
    analysed = [row["input"] for row in await connection.fetch(_SQL["analysed"], asset_id, runs)]
    retryable = await connection.fetch(_SQL["retryable"], asset_id, names(BEGIN_RUN))
    given_up = asset["source_key"] is None and asset["source_sha256"] is not None
    hopeless = given_up and asset["status"] == AssetStatus.ERRORED  # not shown, and nothing left to retry it with
    if hopeless:
        read_later, analysed, retryable = [], [], []
    ours = any(row["state"] == StepState.DEAD and row["kind"] in names(BLOCK_REPROCESS) for row in retryable)
    is_copied = await connection.fetchval(_SQL["is_copied"], asset_id)
    useless = asset["status"] == AssetStatus.ERRORED and not (ours or recent or is_copied or given_up)

    sources = {value["source"] for value in recent if value.get("source")}
    if (asset["source_key"] is not None and not useless) or is_copied:
        sources.add(asset["source_sha256"])
    if asset["source_key"] is not None or recent:
        sources |= {step_input["source"] for step_input in analysed}

    step_values = [*analysed, *(value for row in (*read_later, *retryable) for value in (row["input"], row["output"]))]
    revisions = {value.get("revision") for value in (*recent, *(row["input"] for row in (*read_later, *retryable)))}
    revisions = {revision for revision in (*revisions, None if hopeless else asset["revision_id"]) if revision}
    track_values = [value for row in await connection.fetch(_SQL["tracks"], asset_id) for value in row.values()]
    texts = [value[name] for value in recent for name in ("made", "options") if value.get(name)]
    images = [value for row in await connection.fetch(_SQL["pictures"], asset_id) for value in row.values()]
    images += [value[name] for value in recent for name in ("album", "chosen", "wanted") if value.get(name)]
    growing = [
        value for row in await connection.fetch(_SQL["growing"], asset_id, list(revisions)) for value in row.values()
    ]
    return Held(
        published=None if asset["provisional"] or hopeless else asset["revision_id"],
        revisions=frozenset(revisions),
        documents=_hashes_in([asset["options"], *step_values, *track_values, *texts]),
        leaves=_hashes_in([*images, *growing]),
        sources=frozenset(source for source in sources if source),
        useless_source=useless and asset["source_key"] is not None,
        **common,
    )


def _hashes_in(values: Iterable[Any]) -> frozenset[str]:
    return frozenset[str]().union(*(hashes(json.dumps(value).encode()) for value in values if value is not None))


async def give_up_source(connection: Connection, asset_id: AssetId) -> None:
    """From now on the source counts as gone: no retry, no copy."""
    await connection.execute(_SQL["give_up_source"], asset_id)


async def release_sources(pool: Pool, retention_s: int, limit: int) -> int:
    """Release sources of titles that have been ready for `retention_s`; how many."""
    return len(await pool.fetch(_SQL["release_sources"], retention_s, _tidying(), limit))


async def forget(connection: Connection, asset_id: AssetId, kept: Held) -> None:
    """Remove the entries whose objects are deleted, and the rows of revisions that are."""
    revisions = sorted(kept.revisions)
    for name in ("forget_segments", "forget_renditions", "forget_growing", "forget_revisions"):
        await connection.execute(_SQL[name], asset_id, revisions)
    await connection.execute(_SQL["forget_entries"], list(kept.entries))


async def begin_patrol(pool: Pool, bucket: str, pause_s: int) -> str | None:
    """The folder after which to look on; None where it is not time, or another process does."""
    after: str | None = await pool.fetchval(_SQL["begin_patrol"], bucket, pause_s)
    return after


async def end_patrol(pool: Pool, bucket: str, after: str, pause_s: int) -> None:
    """Go on after this folder in `pause_s`."""
    await pool.execute(_SQL["end_patrol"], bucket, after, pause_s)


async def unknown_assets(pool: Pool, ids: Collection[str]) -> list[str]:
    """Those of these ids that no asset has."""
    return [row["id"] for row in await pool.fetch(_SQL["unknown_assets"], list(ids))]


async def useless_uploads(pool: Pool, ids: Collection[str], wait_s: int) -> list[str]:
    """Those of these ids that belong to no upload, or to one whose parts were swept longer than `wait_s` ago."""
    return [row["id"] for row in await pool.fetch(_SQL["useless_uploads"], list(ids), wait_s)]


async def add_orphans(pool: Pool, bucket: str, folders: Collection[str]) -> None:
    """Note folders that belong to nothing; those that are noted already keep their time."""
    await pool.execute(_SQL["insert_orphans"], bucket, list(folders))


async def old_orphans(pool: Pool, bucket: str, wait_s: int, limit: int) -> list[str]:
    """Folders that were noted longer than `wait_s` ago."""
    return [row["folder"] for row in await pool.fetch(_SQL["old_orphans"], bucket, wait_s, limit)]


async def count_orphans(pool: Pool, bucket: str) -> tuple[int, int]:
    """How many folders of the bucket are noted, and how many assets there are."""
    row = await pool.fetchrow(_SQL["count_orphans"], bucket)
    return row["orphans"], row["assets"]


async def forget_orphans(pool: Pool, bucket: str, folders: Collection[str]) -> None:
    """Remove the notes of these folders: they are deleted, or belong to something after all."""
    await pool.execute(_SQL["forget_orphans"], bucket, list(folders))


def _tidying() -> list[str]:
    return names(SURVIVE_STOP)
