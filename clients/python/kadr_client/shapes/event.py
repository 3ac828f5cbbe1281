"""Events, and the webhook endpoints that they are sent to: docs/events.md of Kadr has every type."""

from typing import Any, Literal

from kadr_client.shapes.typed_dict import TypedDict


class EventObject(TypedDict):
    """What an event is about, such as the asset as_..."""

    type: Literal["asset", "upload", "track", "webhook_endpoint"]
    id: str


class Event(TypedDict):
    """Something that has happened. It may come more than once, always with the same `id`.

    `data.sequence` grows within one asset. Events say little: read the asset again.
    """

    id: str
    type: str
    created_at: str
    timestamp: str
    object: EventObject
    data: dict[str, Any]


class Secret(TypedDict):
    """When a signing secret was made, and until when it signs; null: it is the current one."""

    created_at: str
    expires_at: str | None


class WebhookEndpoint(TypedDict):
    """Where events of some types are sent to. `pending` and `dead` count deliveries."""

    id: str
    url: str
    types: list[str]
    description: str
    status: Literal["enabled", "disabled"]
    disabled_reason: Literal["gone", "failing", "owner"] | None
    failing_since: str | None
    throttled_until: str | None
    secrets: list[Secret]
    pending: int
    dead: int
    created_at: str


class NewWebhookEndpoint(WebhookEndpoint):
    """An endpoint with its new signing secret, `whsec_...`, which no later answer shows."""

    secret: str


class Attempt(TypedDict):
    """One request to an endpoint, and how it ended. `error`: null where it was delivered."""

    at: str
    duration_ms: int
    status: int | None
    error: str | None
    response_body: str


class Delivery(TypedDict):
    """What has become of one event at one endpoint. dead: no attempts are left."""

    event_id: str
    type: str
    object: EventObject
    state: Literal["pending", "delivered", "dead"]
    attempt_count: int
    created_at: str
    due_at: str
    delivered_at: str | None
    last_attempt: Attempt | None


class SentRequest(TypedDict):
    """What is sent: the headers of the last attempt, without the signature, and the body."""

    headers: dict[str, str]
    body: dict[str, Any]


class DeliveryDetails(Delivery):
    """A delivery with its request and all attempts, the oldest first."""

    request: SentRequest
    attempts: list[Attempt]
