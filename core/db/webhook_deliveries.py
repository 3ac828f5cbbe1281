"""Deliveries of webhooks: which event is owed to which endpoint, how each attempt ended, what is to be sent again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.db import outbox, sql
from core.db.outbox import Event, event_of
from core.db.postgres import Connection, Pool
from core.db.webhook_endpoints import BLOCKS_FOR
from core.event_types import WebhookEndpointTest
from core.model import AssetId, OwnerId

_SQL, _ENDPOINTS = sql.load("webhook_deliveries"), sql.load("webhook_endpoints")
CONSUMER = "webhooks"
MAX_REDELIVERED = 10_000  # by one request
MAX_ATTEMPTS_SHOWN = 100


class DeliveryState(StrEnum):
    """Where a delivery is on its way."""

    PENDING = "pending"
    DELIVERED = "delivered"
    DEAD = "dead"  # no attempts are left, or its endpoint was disabled: only sent again by hand


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One request and how it ended. `error`: None where the event was taken; `answer`: the beginning of the body."""

    at: datetime
    duration_ms: int
    status: int | None
    error: str | None
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """An event that may be sent now. Those of one subject, an asset, are sent in order."""

    delivery: int
    subject_id: str
    attempts: int
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How an attempt ended. `again_in_s`: when the next one is to be; None: there is none."""

    delivery: int
    state: DeliveryState
    again_in_s: float | None
    attempt: Attempt


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A line of the log: an event, its state, and its last attempt where there was one.

    `asset_id`: the asset that the object is, or belongs to; None for an event of something else.
    """

    number: int
    event_id: str
    asset_id: AssetId | None
    type: str
    object_type: str
    object_id: str
    state: DeliveryState
    attempts: int
    created_at: datetime
    due_at: datetime
    delivered_at: datetime | None
    last: Attempt | None


async def fan_out(connection: Connection) -> int:
    """Take the next events of the outbox and make their deliveries, in the caller's transaction; how many events."""
    events = await outbox.consume(connection, CONSUMER)
    if events:
        owners = sorted({event.owner_id for event in events})
        rows = await connection.fetch(_SQL["fan_out"], [event.id for event in events], WebhookEndpointTest.type, owners)
        await _wake(connection, {row["endpoint_id"] for row in rows})
    return len(events)


async def due(pool: Pool, endpoint_id: str, known: Sequence[int], most: int, at: datetime) -> list[Due]:
    """What may be sent to an endpoint at this time of the database, in order, but for what is `known`."""
    rows = await pool.fetch(_SQL["due"], endpoint_id, known, BLOCKS_FOR, most, at)
    return [
        Due(
            delivery=row["delivery"],
            subject_id=row["subject_id"],
            attempts=row["attempts"],
            event=event_of(row),
        )
        for row in rows
    ]


async def record(connection: Connection, results: Sequence[Result]) -> None:
    """Write how attempts ended, in the transaction that holds their endpoint."""
    await connection.execute(
        _SQL["record"],
        [result.delivery for result in results],
        [result.state.value for result in results],
        [result.again_in_s for result in results],
    )
    attempts = [result.attempt for result in results]
    await connection.execute(
        _SQL["record_attempts"],
        [result.delivery for result in results],
        [one.at for one in attempts],
        [one.duration_ms for one in attempts],
        [one.status for one in attempts],
        [one.error for one in attempts],
        [one.answer for one in attempts],
    )


async def page(
    pool: Pool, endpoint_id: str, state: DeliveryState | None, before: int | None, limit: int
) -> list[Delivery]:
    """An endpoint's deliveries, the newest first."""
    wanted = None if state is None else state.value
    return [_delivery(row) for row in await pool.fetch(_SQL["page"], endpoint_id, wanted, before, limit)]


async def of_event(pool: Pool, endpoint_id: str, event_id: str) -> tuple[Delivery, Event, list[Attempt]] | None:
    """One delivery with its event and all its attempts; None where the event was never owed to this endpoint."""
    row = await pool.fetchrow(_SQL["of_event"], endpoint_id, event_id)
    if row is None:
        return None
    event = await pool.fetchrow(_SQL["event"], event_id)
    attempts = [_attempt(one) for one in await pool.fetch(_SQL["attempts"], row["delivery"], MAX_ATTEMPTS_SHOWN)]
    return (_delivery(row), event_of(event), attempts) if event is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Redelivered:
    """How many deliveries are pending again. `next_from`: where a span of time goes on that had too many events."""

    count: int
    next_from: datetime | None = None


async def redeliver(
    connection: Connection,
    owner: OwnerId,
    endpoint_id: str,
    *,
    event_id: str | None = None,
    span: tuple[datetime, datetime] | None = None,
) -> Redelivered | None:
    """Send one event again, all of a span of time that the endpoint wants, or else what is dead, at most
    MAX_REDELIVERED. Events of before the endpoint existed are sent, too. None where it is disabled, or there is none.
    """
    row = await connection.fetchrow(_ENDPOINTS["lock"], endpoint_id, owner)
    if row is None or row["disabled_reason"] is not None:
        return None
    next_from = None
    if event_id is not None:
        count = len(await connection.fetch(_SQL["again_one"], endpoint_id, event_id))
    elif span is not None:
        found = await connection.fetchrow(
            _SQL["again_span"], endpoint_id, *span, WebhookEndpointTest.type, MAX_REDELIVERED
        )
        count = found["count"]
        next_from = found["last_at"] if count == MAX_REDELIVERED else None
    else:
        count = len(await connection.fetch(_SQL["again_dead"], endpoint_id, MAX_REDELIVERED))
    if count:
        await _wake(connection, {endpoint_id})
    return Redelivered(count=count, next_from=next_from)


async def _wake(connection: Connection, endpoint_ids: set[str]) -> None:
    if endpoint_ids:
        await connection.execute(_ENDPOINTS["wake"], sorted(endpoint_ids))


def _attempt(row: Any) -> Attempt:
    return Attempt(
        at=row["at"],
        duration_ms=row["duration_ms"],
        status=row["status"],
        error=row["error"],
        answer=row["answer"],
    )


def _delivery(row: Any) -> Delivery:
    return Delivery(
        number=row["delivery"],
        event_id=row["event_id"],
        asset_id=row["asset_id"],
        type=row["type"],
        object_type=row["object_type"],
        object_id=row["object_id"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        created_at=row["created_at"],
        due_at=row["due_at"],
        delivered_at=row["delivered_at"],
        last=_attempt(row) if row["at"] is not None else None,
    )
