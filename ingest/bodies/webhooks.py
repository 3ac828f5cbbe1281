"""Requests and answers of webhook endpoints and their deliveries. Pure."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from core.db.webhook_deliveries import Attempt, Delivery, DeliveryState
from core.db.webhook_endpoints import Disabled, Endpoint
from core.http.problems import invalid
from ingest.bodies import text
from ingest.bodies.events import AN_EVENT, TYPES_TEXT, EventObject, check_types
from ingest.bodies.fields import Body, Moment, example
from ingest.bodies.text import Text

WebhookUrl = Annotated[
    str,
    Text(
        pattern=r"^https?://[^\x00-\x20]+$",
        form="an http or https URL",
        example="https://shop.example/webhooks/kadr",
        min_length=8,
        max_length=2000,
    ),
    Field(description="Where events are sent by POST: https; http only into networks that the operator has named"),
]
MOST_TYPES = 50
Type = Annotated[str, Field(max_length=100, examples=["video.asset.*"])]
Types = Annotated[list[Type], Field(min_length=1, max_length=MOST_TYPES), AfterValidator(check_types)]
Description = Annotated[str, text.line("Orders", max_length=200, strip=True), Field(description="Your own words")]


LogCursor = Annotated[str, Text(pattern=r"^\d{1,18}$", form="`next_cursor` of the page before", example="1042")]


class NewWebhookEndpoint(Body):
    """POST /v1/webhook_endpoints."""

    model_config = example({"url": "https://shop.example/webhooks/kadr", "types": ["video.asset.*"]})
    url: WebhookUrl
    types: Types = Field(default=["*"], description=f"Which events: {TYPES_TEXT}")
    description: Description = ""


class WebhookEndpointChanges(Body):
    """PATCH /v1/webhook_endpoints/{id}: what is not given stays."""

    url: WebhookUrl | None = None
    types: Types | None = Field(default=None, description=f"Which events: {TYPES_TEXT}")
    description: Description | None = None
    enabled: bool | None = Field(
        default=None,
        description="false: nothing is sent, and pending deliveries become dead; true: new events are sent again",
    )


class Rotation(Body):
    """POST /v1/webhook_endpoints/{id}/rotate_secret."""

    force: bool = Field(
        default=False, description="Also within 24 hours of the last rotation; the older secret then ends at once"
    )


class Redelivery(Body):
    """POST /v1/webhook_endpoints/{id}/redeliver: one event, a span of time, or all that is dead."""

    model_config = example({"dead": True}, {"event_id": AN_EVENT})
    event_id: Annotated[str, text.ident("ev", AN_EVENT)] | None = Field(default=None, description="This event")
    from_: Moment | None = Field(
        default=None, alias="from", description="Events from this time on, ISO 8601 with a time zone"
    )
    to: Moment | None = Field(default=None, description="Up to this time, which is not included. Default: now")
    dead: bool = Field(default=False, description="Every delivery that is dead")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum((self.event_id is not None, self.from_ is not None, self.dead)) != 1:
            raise invalid("Give one of event_id, from (with to), and dead", "")
        if self.to is not None and (self.from_ is None or self.to <= self.from_):
            raise invalid("to must be after from", "/to")
        return self


class DeliveriesQuery(Body):
    """GET /v1/webhook_endpoints/{id}/deliveries."""

    state: DeliveryState | None = Field(default=None, description="Only deliveries in this state")
    cursor: LogCursor | None = Field(default=None, description="`next_cursor` of the page before")
    limit: int = Field(default=20, ge=1, le=100, description="Deliveries per page")


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SecretShape(_Shape):
    """A secret that signs, without the secret itself."""

    created_at: datetime = Field(description="When it was made")
    expires_at: datetime | None = Field(description="When it ends, after a rotation; null: it is the current one")


class WebhookEndpointShape(_Shape):
    """A URL to which an owner's events are sent."""

    id: str = Field(description="Id of the endpoint, we_...")
    url: str = Field(description="Where events are sent")
    types: list[str] = Field(description="Which events")
    description: str = Field(description="Your own words")
    status: Literal["enabled", "disabled"] = Field(description="Whether events are sent")
    disabled_reason: Disabled | None = Field(
        description="owner: switched off; gone: it answered 410; failing: it has only failed for days"
    )
    failing_since: datetime | None = Field(description="The first failure after the last success; null: it works")
    throttled_until: datetime | None = Field(
        description="Nothing is sent before: its server asked for a pause, or does not answer"
    )
    secrets: list[SecretShape] = Field(description="The secrets that sign, the newest first")
    pending: int = Field(description="Deliveries still to be made; at most 10,000 are counted")
    dead: int = Field(description="Deliveries that are redelivered only on request; at most 10,000 are counted")
    created_at: datetime = Field(description="When it was created")

    @classmethod
    def of(cls, endpoint: Endpoint, **more: Any) -> Self:
        """An endpoint as its owner sees it."""
        return cls(
            id=endpoint.id,
            url=endpoint.url,
            types=list(endpoint.types),
            description=endpoint.description,
            status="disabled" if endpoint.disabled else "enabled",
            disabled_reason=endpoint.disabled,
            failing_since=endpoint.failing_since,
            throttled_until=endpoint.throttled_until,
            secrets=[SecretShape(created_at=s.created_at, expires_at=s.expires_at) for s in endpoint.secrets],
            pending=endpoint.pending,
            dead=endpoint.dead,
            created_at=endpoint.created_at,
            **more,
        )


class WebhookEndpointWithSecret(WebhookEndpointShape):
    """An endpoint with its new secret, which no later answer shows."""

    secret: str = Field(description="The secret that signs: whsec_ and base64. Keep it", examples=["whsec_..."])


class AttemptShape(_Shape):
    """One request to the endpoint, and how it ended."""

    at: datetime = Field(description="When it was sent")
    duration_ms: int = Field(description="Milliseconds until it had ended")
    status: int | None = Field(description="HTTP status of the answer; null: there was none")
    error: str | None = Field(
        description="null: delivered; else status, redirect, timeout, connection, tls, name_not_found, "
        "refused_address, not_http or internal"
    )
    response_body: str = Field(description="The first KiB of the response body")

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        """An attempt as the log shows it."""
        return cls(
            at=attempt.at,
            duration_ms=attempt.duration_ms,
            status=attempt.status,
            error=attempt.error,
            response_body=attempt.answer,
        )


class DeliveryShape(_Shape):
    """An event that was, or is to be, sent to an endpoint."""

    event_id: str = Field(description="Id of the event, ev_...")
    type: str = Field(description="What happened")
    object: EventObject = Field(description="What the event is about")
    state: DeliveryState = Field(description="pending, delivered, or dead: no attempts are left")
    attempt_count: int = Field(description="Attempts so far, counted anew when it is redelivered")
    created_at: datetime = Field(description="When the delivery was created")
    due_at: datetime = Field(description="When the next attempt is, or was")
    delivered_at: datetime | None = Field(description="When it was accepted")
    last_attempt: AttemptShape | None = Field(description="The last attempt")

    @classmethod
    def of(cls, delivery: Delivery, **more: Any) -> Self:
        """A delivery as the log shows it."""
        return cls(
            event_id=delivery.event_id,
            type=delivery.type,
            object=EventObject.model_validate({"type": delivery.object_type, "id": delivery.object_id}),
            state=delivery.state,
            attempt_count=delivery.attempts,
            created_at=delivery.created_at,
            due_at=delivery.due_at,
            delivered_at=delivery.delivered_at,
            last_attempt=AttemptShape.of(delivery.last) if delivery.last else None,
            **more,
        )


class RequestShape(_Shape):
    """What is sent: the headers of the last attempt, without the signature, and the body."""

    headers: dict[str, str] = Field(description="Headers of Standard Webhooks")
    body: dict[str, Any] = Field(description="The event")


class DeliveryDetails(DeliveryShape):
    """A delivery with its request and all attempts."""

    request: RequestShape = Field(description="What is sent")
    attempts: list[AttemptShape] = Field(description="Every attempt, the oldest first")


class Redelivered(_Shape):
    """How much is sent again."""

    deliveries: int = Field(description="Number of deliveries, at most 10,000")
    next_from: datetime | None = Field(
        description="Pass it as `from` to go on with a time range that has more events; null: that is all"
    )


class TestSent(_Shape):
    """The test event that is on its way."""

    event_id: str = Field(description="Id of the event, ev_...")
