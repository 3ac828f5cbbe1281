"""What pages about webhooks say of endpoints, deliveries and attempts. Pure.

In: what the database has, and the texts of a language. Out: words; times are by UTC.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.db.webhook_deliveries import Attempt, Delivery, DeliveryState
from core.db.webhook_endpoints import Endpoint
from core.event_types import EVENT_TYPES
from ingest.studio import webhook_form
from studio.numbers import brief_time
from studio.texts import Text

AWAITED = timedelta(minutes=1)  # an attempt that is due by then is worth waiting for


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """An endpoint. `standing`: on, off, failing or paused. `facts`: why it is off, what waits, since when it fails."""

    id: str
    url: str
    description: str
    events: str
    standing: str
    facts: list[str]
    is_on: bool
    dead: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A delivery. `is_awaited`: its state is about to change."""

    event_id: str
    type: str
    event: str
    about: str
    object_id: str
    asset_id: str | None
    at: str
    state: str
    facts: list[str]
    is_awaited: bool


def endpoint(one: Endpoint, now: datetime, text: Text) -> Shown:
    """An endpoint as a list and its own page show it."""
    return Shown(
        id=one.id,
        url=one.url,
        description=one.description,
        events=webhook_form.events(one.types, text),
        standing=_standing(one, now),
        facts=list(_facts(one, now, text)),
        is_on=one.disabled is None,
        dead=one.dead,
    )


def _standing(one: Endpoint, now: datetime) -> str:
    if one.disabled:
        return "off"
    if one.throttled_until and one.throttled_until > now:
        return "paused"
    return "failing" if one.failing_since else "on"


def _facts(one: Endpoint, now: datetime, text: Text) -> Iterator[str]:
    if one.disabled:
        yield text(f"webhooks.off.{one.disabled}")
    if one.pending:
        yield text("webhooks.pending", n=str(one.pending))
    if one.dead:
        yield text("webhooks.dead", n=str(one.dead))
    if one.failing_since:
        yield text("webhooks.failing_since", time=moment(one.failing_since))
    if one.throttled_until and one.throttled_until > now:
        yield text("webhooks.paused_until", time=moment(one.throttled_until))


def row(one: Delivery, now: datetime, language: str, text: Text) -> Row:
    """A delivery as a line of the log."""
    is_pending = one.state is DeliveryState.PENDING
    return Row(
        event_id=one.event_id,
        type=one.type,
        event=text(f"event.{one.type}") if one.type in EVENT_TYPES else one.type,
        about=text(f"webhooks.object.{one.object_type}"),
        object_id=one.object_id,
        asset_id=one.asset_id,
        at=moment(one.created_at),
        state=one.state.value,
        facts=list(_progress(one, language, text)),
        is_awaited=is_pending and one.due_at <= now + AWAITED,
    )


def _progress(one: Delivery, language: str, text: Text) -> Iterator[str]:
    yield text("webhooks.attempts", n=str(one.attempts))
    if one.last:
        yield answered(one.last, language, text)
    if one.state is DeliveryState.PENDING and one.attempts:
        yield text("webhooks.next_attempt", time=moment(one.due_at))


def answered(one: Attempt, language: str, text: Text) -> str:
    """How an attempt ended."""
    took = brief_time(one.duration_ms, language, text)
    return text(f"webhooks.answer.{one.error or 'taken'}", status=str(one.status), time=took)


def moment(at: datetime) -> str:
    """A time to the second, by UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
