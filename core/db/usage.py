"""What CDNs have delivered, by their logs: bytes and requests by day, pathway, asset and owner.

`summed` answers every question about it. `kadr cost --measured` reads the bytes of the last 30 days (core.db.costs).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from core.db import sql
from core.db.postgres import Connection, Pool
from core.model import OwnerId, UsageBy

_SQL = sql.load("usage")
LOCK_S = 3600.0  # for the import before this one


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """Sums of what `name` stands for: a day in ISO 8601 (UTC), an asset, an owner or a pathway; "" is what none is of.

    `errors` are those of the requests that were answered 400 and above. Their bytes are in `bytes`: CDNs bill them.
    """

    name: str
    requests: int
    errors: int
    bytes: int


@dataclass(slots=True)
class Tally:
    """Requests of one day to one asset, while they are counted."""

    requests: int = 0
    errors: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFile:
    """The contents of a log: digest and length of its whole lines, digests of the first and last that is no comment."""

    digest: bytes
    head: bytes
    tail: bytes
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A log that was counted, and which of its ends another one shares."""

    digest: bytes
    size_bytes: int
    same_head: bool
    same_tail: bool


async def counted(connection: Connection, log: LogFile) -> list[Counted]:
    """Logs that were counted and have this one's first or last line; first the longest that are not longer than it."""
    return [Counted(**row) for row in await connection.fetch(_SQL["counted"], log.head, log.tail, log.size_bytes)]


async def begin(connection: Connection, log: LogFile) -> bool:
    """Begin to count in the caller's transaction, one import after the other. False where this log was counted."""
    # Two that count the same assets would wait for each other's rows.
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('kadr.usage_import'))", timeout=LOCK_S)
    return not await connection.fetchval(_SQL["is_counted"], log.digest)


async def add(connection: Connection, pathway: str, tallies: Mapping[tuple[date, str], Tally]) -> None:
    """Add what was counted, by day and asset id."""
    await connection.execute(
        _SQL["add"],
        pathway,
        [day for day, _ in tallies],
        [asset_id for _, asset_id in tallies],
        [tally.requests for tally in tallies.values()],
        [tally.errors for tally in tallies.values()],
        [tally.bytes for tally in tallies.values()],
    )


async def note(
    connection: Connection, log: LogFile, *, name: str, log_format: str, pathway: str, requests: int, malformed: int
) -> None:
    """Note that a log was counted, in the transaction that has done so."""
    values = (log.digest, log.size_bytes, log.head, log.tail, name, log_format, pathway, requests, malformed)
    await connection.execute(_SQL["note"], *values)


async def summed(pool: Pool, by: UsageBy, since: date, until: date, owner: OwnerId | None = None) -> list[Delivered]:
    """What was delivered from `since` to `until`, both included; of one owner's assets, or of all and none.

    Days are in order, the others by bytes, most first.
    """
    rows = await pool.fetch(_SQL[f"by_{by.value}"], since, until, owner)
    return [Delivered(**row) for row in rows]


def total(parts: Iterable[Delivered]) -> Delivered:
    """All of them together, without a name."""
    found = list(parts)
    return Delivered(
        name="",
        requests=sum(one.requests for one in found),
        errors=sum(one.errors for one in found),
        bytes=sum(one.bytes for one in found),
    )
