"""The transactional outbox: an event is written in the transaction of its cause and read at least once by consumers.

Readers never pass a transaction that is still open, so an event that commits late is not skipped.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.db import restore, sql
from core.db.postgres import Connection, Pool
from core.model import OwnerId, new_id

_SQL = sql.load("outbox")
_OBJECTS = {"as_": "asset", "up_": "upload", "pb_": "playback_id", "tr_": "track"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An event. `position` increases; `id` is the same in every delivery of the event."""

    position: int
    id: str
    type: str
    object_type: str
    object_id: str
    payload: dict[str, Any]
    created_at: datetime

    def envelope(self) -> dict[str, Any]:
        """The event as JSON for webhooks and streams."""
        return {
            "id": self.id,
            "type": self.type,
            "created_at": self.created_at.isoformat(),
            "object": {"type": self.object_type, "id": self.object_id},
            "data": self.payload,
        }


async def add(
    connection: Connection, owner_id: OwnerId, event_type: str, object_id: str, payload: dict[str, Any]
) -> None:
    """Write an event in the caller's transaction."""
    await connection.execute(
        _SQL["add"], new_id("ev"), owner_id, event_type, _OBJECTS[object_id[:3]], object_id, payload
    )


async def add_all(
    connection: Connection, event_type: str, events: Sequence[tuple[OwnerId, str, dict[str, Any]]]
) -> None:
    """Write many events of one type, each (owner, object, payload), in the caller's transaction."""
    rows = [
        (new_id("ev"), owner_id, event_type, _OBJECTS[object_id[:3]], object_id, payload)
        for owner_id, object_id, payload in events
    ]
    await connection.executemany(_SQL["add"], rows)


def _event(row: Any) -> Event:
    names = ("position", "id", "type", "object_type", "object_id", "payload", "created_at")
    return Event(**{name: row[name] for name in names})


async def of_object(pool: Pool, object_id: str, after: int) -> list[Event]:
    return [_event(row) for row in await pool.fetch(_SQL["of_object"], object_id, after)]


async def newest(pool: Pool, object_id: str) -> int:
    """The position of the newest event of an object; 0 without events."""
    position: int = await pool.fetchval(_SQL["newest"], object_id)
    return position


async def consume(connection: Connection, consumer: str) -> list[Event]:
    """The next events of a consumer, at most 500, in commit order; its cursor moves with the caller's transaction.

    Raises DatabaseRestored rather than move a cursor in a database that `kadr migrate` has to repair.
    """
    await restore.require_repaired(connection)
    cursor = await connection.fetchrow(_SQL["cursor"], consumer)
    rows = await connection.fetch(_SQL["batch"], cursor["transaction"], cursor["position"])
    if rows:
        await connection.execute(_SQL["advance"], consumer, rows[-1]["transaction"], rows[-1]["position"])
    return [_event(row) for row in rows]
