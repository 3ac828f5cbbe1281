"""The events of one owner as a feed: pages in commit order, each with a cursor at which the next one begins.

No reader passes a transaction that is still open, so an event that commits late is not skipped. Events are kept for
KEPT_DAYS.
"""

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from core.db import sql
from core.db.outbox import Event, event_of
from core.db.postgres import Connection, Pool
from core.errors import KadrError
from core.model import OwnerId

_SQL = sql.load("event_feed")
KEPT_DAYS = 30
FORGET_AT_ONCE = 500
# A restored database has forgotten in which order its events committed: a cursor of before goes back so far in time.
_OVERLAP_S = 600
SCANNED = 10_000  # events that a page looks through for those of some types


class CursorExpired(KadrError):
    """Events after this cursor have been deleted already."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place between two events: behind `position` of `transaction`, at `time` (Unix).

    `epoch`: the cluster and the timeline whose transaction ids these are.
    """

    epoch: str
    transaction: int
    position: int
    time: int

    def __str__(self) -> str:
        text = f"{self.epoch}.{self.transaction}.{self.position}.{self.time}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, cursor: str) -> Self:
        """The place that a cursor names. Raises ValueError for text that is no cursor."""
        try:
            text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
        except (binascii.Error, UnicodeError) as exc:
            raise ValueError("not a cursor") from exc
        if not re.fullmatch(r"\d{1,20}-\d{1,10}\.\d{1,19}\.\d{1,18}\.\d{1,11}", text):
            raise ValueError("not a cursor")
        epoch, *numbers = text.split(".")
        transaction, position, time = map(int, numbers)
        return cls(epoch=epoch, transaction=transaction, position=position, time=time)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some events in order, and where the next page begins. `has_more`: it need not be waited for."""

    events: list[Event]
    next: Place
    has_more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The end of the feed at one moment, and up to where its beginning has been deleted."""

    place: Place
    forgotten: Place | None


async def head(pool: Pool) -> Head:
    """The current end of the feed, for all owners."""
    row = await pool.fetchrow(_SQL["head"])
    place = Place(epoch=row["epoch"], transaction=int(row["transaction"]), position=0, time=row["time"])
    return Head(place=place, forgotten=Place.parse(row["forgotten"]) if row["forgotten"] else None)


async def read(pool: Pool, owner: OwnerId, after: Place | None, patterns: Sequence[str] | None, limit: int) -> Page:
    """At most `limit` events behind `after`, None being the oldest that is kept. `patterns`: of LIKE, for their types.

    A page may be empty and not the last one, where many events are of other types. Raises CursorExpired where events
    behind `after` have been deleted.
    """
    end = await head(pool)
    start = await _start(pool, owner, after, end)
    last = (end.place.transaction, 0)
    bound: Any = None
    if patterns is not None:
        bound = await pool.fetchrow(_SQL["bound"], owner, str(start[0]), start[1], SCANNED)
    until = min(last, (int(bound["transaction"]), bound["position"])) if bound else last
    rows = await pool.fetch(_SQL["after"], owner, str(start[0]), start[1], str(until[0]), until[1], patterns, limit)
    events = [event_of(row) for row in rows]
    if len(events) == limit:
        until = int(rows[-1]["transaction"]), rows[-1]["position"]
    if until == last:
        return Page(events=events, next=end.place)
    at = events[-1].created_at if events else bound["created_at"]
    place = Place(epoch=end.place.epoch, transaction=until[0], position=until[1], time=int(at.timestamp()))
    return Page(events=events, next=place, has_more=True)


async def newest(pool: Pool, owner: OwnerId, patterns: Sequence[str] | None, count: int) -> Page:
    """The newest `count` events, the oldest of them first."""
    end = (await head(pool)).place
    rows = await pool.fetch(_SQL["newest"], owner, str(end.transaction), patterns, count)
    return Page(events=[event_of(row) for row in reversed(rows)], next=end)


async def owners_with_events(pool: Pool, since: Place, until: Place) -> set[OwnerId]:
    """Whose feeds have grown between two ends of the feed."""
    rows = await pool.fetch(_SQL["owners_with_events"], str(since.transaction), str(until.transaction))
    return {OwnerId(row["owner_id"]) for row in rows}


async def forget_old(connection: Connection) -> int:
    """Delete some of the events older than KEPT_DAYS, in the caller's transaction; how many."""
    row = await connection.fetchrow(_SQL["forget"], KEPT_DAYS, FORGET_AT_ONCE)
    if row is None:
        return 0
    end = await connection.fetchrow(_SQL["head"])
    gone = Place(epoch=end["epoch"], transaction=int(row["transaction"]), position=row["position"], time=end["time"])
    await connection.execute(_SQL["remember_forgotten"], str(gone))
    deleted: int = row["deleted"]
    return deleted


async def _start(pool: Pool, owner: OwnerId, after: Place | None, end: Head) -> tuple[int, int]:
    """(transaction, position) behind which to read. Raises CursorExpired."""
    if after is None:
        return 0, 0
    if after.epoch != end.place.epoch or after.transaction > end.place.transaction:  # of before a restore
        row = await pool.fetchrow(_SQL["since"], owner, after.time - _OVERLAP_S)
        return (int(row["transaction"]), row["position"] - 1) if row else (end.place.transaction, 0)
    gone = end.forgotten
    if gone and gone.epoch == after.epoch and (after.transaction, after.position) < (gone.transaction, gone.position):
        raise CursorExpired
    return after.transaction, after.position
