"""Listed titles, and the files of the sitemap that name them: one function per statement of listed.sql."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.db import sql
from core.db.postgres import Connection, Pool
from core.model import AssetId, OwnerId, PlaybackId, RevisionId

_SQL = sql.load("listed")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedTitle:
    """A title that may be named, and what pages say of it. `poster`: its largest image as JSON."""

    asset_id: AssetId
    owner_id: OwnerId
    playback_id: PlaybackId
    title: str
    description: str
    tags: Sequence[str]
    published_at: datetime | None
    expires_at: datetime | None
    language: str | None
    page_url: str | None
    family_friendly: bool
    author: dict[str, str | None] | None
    revision_id: RevisionId
    chapters_version: str | None  # of its owner's own
    summary: dict[str, Any]
    poster: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Where the sitemap names an asset: the number of the file, the URL of its page, and its size there in bytes.

    `version` differs where the page says something else.
    """

    asset_id: AssetId
    owner_id: OwnerId
    part: int
    url: str
    version: str
    bytes: int
    is_listed: bool
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PartState:
    """A file of the sitemap: how many assets it has had, and the bytes of those that are listed."""

    number: int
    entries: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PartChange:
    """By how much a file changes."""

    number: int
    entries: int
    bytes: int
    listed: int


_FIELDS = tuple(ListedTitle.__slots__)


def _title(row: Any) -> ListedTitle:
    return ListedTitle(**{name: row[name] for name in _FIELDS})


async def titles(connection: Connection, assets: Collection[str]) -> list[ListedTitle]:
    """Those of the assets that are listed, by id."""
    return [_title(row) for row in await connection.fetch(_SQL["titles"], list(assets))]


async def newest(
    pool: Pool, *, before: str | None, owner_id: str | None, tag: str | None, limit: int
) -> list[ListedTitle]:
    """Listed titles, newest first; `before` is the last id of the page before."""
    return [_title(row) for row in await pool.fetch(_SQL["newest"], before, owner_id, tag, limit)]


async def take_changed(connection: Connection, limit: int) -> set[str]:
    """At most `limit` notes of changes, taken: the assets whose page may have changed, or that have expired."""
    noted = await connection.fetch(_SQL["changed"], limit)
    expired = await connection.fetch(_SQL["expired"], limit)
    return {row["asset_id"] for row in (*noted, *expired)}


async def entries(connection: Connection, assets: Collection[str]) -> dict[str, Entry]:
    """The entries of these assets, those that have had one, by asset."""
    rows = await connection.fetch(_SQL["entries"], list(assets))
    return {row["asset_id"]: Entry(**row) for row in rows}


async def states(connection: Connection, numbers: Collection[int]) -> list[PartState]:
    """These files, and the one that takes new entries, last: an empty first one where there is none."""
    rows = await connection.fetch(_SQL["states"], list(numbers))
    return [PartState(**row) for row in rows] or [PartState(number=1, entries=0, bytes=0)]


async def keep(connection: Connection, kept: Sequence[Entry], changes: Iterable[PartChange]) -> None:
    """Store entries, and by how much their files change."""
    parts = sorted(changes, key=lambda one: one.number)
    await connection.execute(
        _SQL["keep_parts"],
        [one.number for one in parts],
        [one.entries for one in parts],
        [one.bytes for one in parts],
        [one.listed for one in parts],
    )
    await connection.execute(
        _SQL["keep_entries"],
        [one.asset_id for one in kept],
        [one.part for one in kept],
        [one.url for one in kept],
        [one.version for one in kept],
        [one.bytes for one in kept],
        [one.is_listed for one in kept],
        [one.expires_at for one in kept],
    )


async def parts(pool: Pool) -> list[tuple[int, datetime]]:
    """Number of each file that names anything, and when something in it changed last."""
    return [(row["number"], row["changed_at"]) for row in await pool.fetch(_SQL["parts"])]


async def part(pool: Pool, number: int) -> tuple[datetime, bool] | None:
    """When a file changed last, and whether all changes are in it; None where it names nothing."""
    row = await pool.fetchrow(_SQL["part"], number)
    return None if row is None else (row["changed_at"], row["settled"])


async def page_of_part(
    pool: Pool, number: int, after: str, limit: int
) -> tuple[list[tuple[ListedTitle, datetime]], str | None]:
    """The next titles of a file, each with the time of its change, and the asset to go on after; None at its end."""
    rows = await pool.fetch(_SQL["page_of_part"], number, after, limit)
    last = rows[-1]["entry_id"] if len(rows) == limit else None
    return [(_title(row), row["changed_at"]) for row in rows if row["asset_id"] is not None], last
