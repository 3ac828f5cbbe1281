"""The transactional outbox: an event is written in the transaction of its cause and read at least once by consumers.

Readers never pass a transaction that is still open, so an event that commits late is not skipped.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from core.db import restore, sql
from core.db.postgres import Connection, Pool
from core.event_types import EventData, stored
from core.model import AssetId, OwnerId, new_id

_SQL = sql.load("outbox")


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event. `position` increases; `id` is the same in every delivery of the event.

    `asset_id`: the asset that the object is, or belongs to; None for an event of something else.
    """

    position: int
    id: str
    owner_id: OwnerId
    asset_id: AssetId | None
    type: str
    object_type: str
    object_id: str
    payload: dict[str, Any]
    created_at: datetime

    def envelope(self) -> dict[str, Any]:
        """The event as JSON, the same for everybody who is told of it."""
        at = self.created_at.isoformat().replace("+00:00", "Z")
        return {
            "id": self.id,
            "type": self.type,
            "created_at": at,
            "timestamp": at,  # the name that Standard Webhooks has for it
            "object": {"type": self.object_type, "id": self.object_id},
            "data": {**self.payload, "sequence": self.position},
        }

    def body(self) -> bytes:
        """The envelope as it is sent."""
        return json.dumps(self.envelope(), ensure_ascii=False, separators=(",", ":")).encode()


_FIELDS = tuple(field.name for field in fields(Event))


async def add(connection: Connection, owner_id: OwnerId, object_id: str, data: EventData) -> str:
    """Write an event of this object in the caller's transaction; its id."""
    row = _row(owner_id, object_id, data)
    await connection.execute(_SQL["add"], *row)
    return row[0]


async def add_all(connection: Connection, events: Iterable[tuple[OwnerId, str, EventData]]) -> None:
    """Write many events, each (owner, object, data), in the caller's transaction."""
    await connection.executemany(_SQL["add"], [_row(*event) for event in events])


def _row(owner_id: OwnerId, object_id: str, data: EventData) -> tuple[str, OwnerId, str, str, str, dict[str, Any]]:
    return new_id("ev"), owner_id, data.type, data.object_type, object_id, stored(data)


def event_of(row: Any) -> Event:
    """The event of a row with its columns."""
    return Event(**{name: row[name] for name in _FIELDS})


async def of_object(pool: Pool, object_id: str, after: int) -> list[Event]:
    return [event_of(row) for row in await pool.fetch(_SQL["of_object"], object_id, after)]


async def newest(pool: Pool, object_id: str) -> int:
    """The position of the newest event of an object; 0 without events."""
    position: int = await pool.fetchval(_SQL["newest"], object_id)
    return position


async def consume(connection: Connection, consumer: str) -> list[Event]:
    """The next events of a consumer, as `ahead` gives them; its cursor moves with the caller's transaction.

    From here to its end the transaction holds back what is written meanwhile from all readers: keep it short.
    """
    events = await ahead(connection, consumer)
    if events:
        await advance(connection, consumer, events[-1])
    return events


async def ahead(connection: Connection, consumer: str) -> list[Event]:
    """The next events of a consumer, at most 500, in commit order; its cursor stays: see `advance`.

    The consumer belongs to the caller's transaction until that ends; another process gets no events meanwhile. Nothing
    is written, so that a transaction that takes long over its events holds up no other reader.
    Raises DatabaseRestored for a database that `kadr migrate` has to repair.
    """
    await restore.require_repaired(connection)
    if not await connection.fetchval(_SQL["take"], consumer):
        return []
    cursor = await connection.fetchrow(_SQL["cursor"], consumer) or {"transaction": "0", "position": 0}
    rows = await connection.fetch(_SQL["batch"], cursor["transaction"], cursor["position"])
    return [event_of(row) for row in rows]


async def advance(connection: Connection, consumer: str, event: Event) -> None:
    """Move a consumer's cursor past this event, in the transaction in which `ahead` gave it."""
    await connection.execute(_SQL["advance"], consumer, event.position)


async def behind_s(pool: Pool, consumer: str) -> float:
    """How long the oldest event that a consumer has not been past has been there; 0 where there is none."""
    seconds: float = await pool.fetchval(_SQL["behind"], consumer)
    return seconds
