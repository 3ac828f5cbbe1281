"""Webhook endpoints: where an owner's events are sent, the log of what was sent, and sending it again."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from aiohttp import web

from core.db import outbox, webhook_deliveries, webhook_endpoints
from core.db.outbox import Event
from core.db.webhook_deliveries import Attempt, Delivery
from core.db.webhook_endpoints import MAX_ENDPOINTS, Endpoint, RotationInProgress, TooMany
from core.errors import Rejected
from core.event_types import WebhookEndpointTest
from core.http.problems import Problem
from core.http.public_fetch import check_url
from core.tokens import webhook_signature
from ingest.bodies.requests import Nothing
from ingest.bodies.webhooks import (
    AttemptShape,
    DeliveriesQuery,
    DeliveryDetails,
    DeliveryShape,
    NewWebhookEndpoint,
    Redelivered,
    Redelivery,
    RequestShape,
    Rotation,
    TestSent,
    WebhookEndpointChanges,
    WebhookEndpointShape,
    WebhookEndpointWithSecret,
)
from ingest.context import CONTEXT, answer, body_of, ident, not_found, owner_of, query_of
from ingest.openapi import operation

routes = web.RouteTableDef()
_PATH = "/v1/webhook_endpoints/{endpoint_id}"


@routes.post("/v1/webhook_endpoints")
@operation(WebhookEndpointWithSecret, status=201, body=NewWebhookEndpoint, errors=(409,))
async def create(request: web.Request) -> web.Response:
    """Create an endpoint. The signing secret is returned only in this response.

    Events that happen from now on are sent to it. Send it a test before you rely on it.
    """
    endpoint, secret = await created(request, await body_of(request, NewWebhookEndpoint))
    return answer(WebhookEndpointWithSecret.of(endpoint, secret=secret), status=201)


async def created(request: web.Request, body: NewWebhookEndpoint) -> tuple[Endpoint, str]:
    """A new endpoint of the caller, and its secret. Raises Problem."""
    keys, owner = keys_of(request), owner_of(request)
    check_webhook_url(request, body.url)
    async with request.app[CONTEXT].pool.acquire() as connection, connection.transaction():
        try:
            endpoint_id, secret = await webhook_endpoints.insert(
                connection, owner, body.url, body.types, body.description, keys
            )
        except TooMany as exc:
            detail = f"This account already has the maximum of {MAX_ENDPOINTS} webhook endpoints."
            raise Problem(409, "too_many_webhooks", detail, hint="Delete one that is not needed.") from exc
    return await endpoint_of(request, endpoint_id), secret


@routes.get("/v1/webhook_endpoints")
@operation(WebhookEndpointShape, listing=True)
async def page(request: web.Request) -> web.Response:
    """List all endpoints, the oldest first."""
    found = await webhook_endpoints.of_owner(request.app[CONTEXT].pool, owner_of(request))
    return answer([WebhookEndpointShape.of(one).model_dump(mode="json") for one in found], next_cursor=None)


@routes.get(_PATH)
@operation(WebhookEndpointShape, errors=(404,))
async def show(request: web.Request) -> web.Response:
    """Show an endpoint."""
    return answer(WebhookEndpointShape.of(await endpoint_of(request)))


@routes.patch(_PATH)
@operation(WebhookEndpointShape, body=WebhookEndpointChanges, errors=(404,))
async def change(request: web.Request) -> web.Response:
    """Update, disable or re-enable an endpoint."""
    return answer(WebhookEndpointShape.of(await changed(request, await body_of(request, WebhookEndpointChanges))))


async def changed(request: web.Request, body: WebhookEndpointChanges) -> Endpoint:
    """The endpoint of the path as it is after these changes. Raises Problem."""
    endpoint_id = _id(request)
    if body.url is not None:
        check_webhook_url(request, body.url)
    async with request.app[CONTEXT].pool.acquire() as connection, connection.transaction():
        if not await webhook_endpoints.change(
            connection,
            owner_of(request),
            endpoint_id,
            url=body.url,
            types=body.types,
            description=body.description,
            enabled=body.enabled,
        ):
            raise not_found("webhook endpoint")
    return await endpoint_of(request)


@routes.delete(_PATH)
@operation(None, status=204, errors=(404,))
async def delete(request: web.Request) -> web.Response:
    """Delete an endpoint with its log. Requests already in flight may still arrive."""
    if not await webhook_endpoints.delete(request.app[CONTEXT].pool, owner_of(request), _id(request)):
        raise not_found("webhook endpoint")
    return web.Response(status=204)


@routes.post(f"{_PATH}/rotate_secret")
@operation(WebhookEndpointWithSecret, body=Rotation, errors=(404, 409))
async def rotate(request: web.Request) -> web.Response:
    """Rotate the signing secret, which is returned only in this response. The previous one also signs for 24 hours."""
    body, endpoint_id, keys = await body_of(request, Rotation), _id(request), keys_of(request)
    async with request.app[CONTEXT].pool.acquire() as connection, connection.transaction():
        try:
            secret = await webhook_endpoints.rotate(connection, owner_of(request), endpoint_id, keys, force=body.force)
        except RotationInProgress as exc:
            hint = "Wait until it has expired, or send force: true, which ends it at once."
            raise Problem(409, "rotation_in_progress", str(exc), hint=hint) from exc
    if secret is None:
        raise not_found("webhook endpoint")
    return answer(WebhookEndpointWithSecret.of(await endpoint_of(request), secret=secret))


@routes.post(f"{_PATH}/test")
@operation(TestSent, status=202, body=Nothing, errors=(404, 409))
async def test(request: web.Request) -> web.Response:
    """Send the event webhook_endpoint.test to this endpoint; see the delivery log for the response."""
    await body_of(request, Nothing)
    endpoint = await endpoint_of(request)
    if endpoint.disabled:
        detail, hint = "The endpoint is disabled.", "Enable it first."
        raise Problem(409, "webhook_disabled", detail, hint=hint)
    async with request.app[CONTEXT].pool.acquire() as connection, connection.transaction():
        event_id = await outbox.add(connection, owner_of(request), endpoint.id, WebhookEndpointTest())
    return answer(TestSent(event_id=event_id), status=202)


@routes.post(f"{_PATH}/redeliver")
@operation(Redelivered, status=202, body=Redelivery, errors=(404, 409))
async def redeliver(request: web.Request) -> web.Response:
    """Redeliver one event, all matching events in a time range, or all dead deliveries."""
    again = await redelivered(request, await body_of(request, Redelivery))
    return answer(Redelivered(deliveries=again.count, next_from=again.next_from), status=202)


async def redelivered(request: web.Request, body: Redelivery) -> webhook_deliveries.Redelivered:
    """How many deliveries the endpoint of the path gets again. Raises Problem."""
    endpoint = await endpoint_of(request)
    span = None if body.from_ is None else (body.from_, body.to or datetime.now(UTC))
    async with request.app[CONTEXT].pool.acquire() as connection, connection.transaction():
        again = await webhook_deliveries.redeliver(
            connection, owner_of(request), endpoint.id, event_id=body.event_id, span=span
        )
    if again is None:
        raise Problem(409, "webhook_disabled", "The endpoint is disabled.", hint="Enable it first.")
    if body.event_id is not None and not again.count:
        raise not_found("event")
    return again


@routes.get(f"{_PATH}/deliveries")
@operation(DeliveryShape, listing=True, query=DeliveriesQuery, errors=(404,))
async def deliveries(request: web.Request) -> web.Response:
    """List an endpoint's deliveries, sent and pending, newest first. They are kept for 30 days."""
    query, endpoint = query_of(request, DeliveriesQuery), await endpoint_of(request)
    found, following = await listed(request, endpoint, query)
    return answer([DeliveryShape.of(one).model_dump(mode="json") for one in found], next_cursor=following)


async def listed(request: web.Request, endpoint: Endpoint, query: DeliveriesQuery) -> tuple[list[Delivery], str | None]:
    """A page of an endpoint's log, and the cursor of the next one."""
    before = None if query.cursor is None else int(query.cursor)
    rows = await webhook_deliveries.page(request.app[CONTEXT].pool, endpoint.id, query.state, before, query.limit + 1)
    found = rows[: query.limit]
    return found, str(found[-1].number) if len(rows) > len(found) else None


@routes.get(f"{_PATH}/deliveries/{{event_id}}")
@operation(DeliveryDetails, errors=(404,))
async def delivery(request: web.Request) -> web.Response:
    """Show a delivery with its event and every attempt."""
    one, event, attempts = await delivery_of(request, await endpoint_of(request))
    shape = DeliveryDetails.of(
        one,
        request=RequestShape(headers=sent_headers(event, attempts), body=event.envelope()),
        attempts=[AttemptShape.of(attempt) for attempt in attempts],
    )
    return answer(shape)


async def delivery_of(request: web.Request, endpoint: Endpoint) -> tuple[Delivery, Event, list[Attempt]]:
    """The delivery of the path to this endpoint, its event, and all attempts, the oldest first. Raises Problem(404)."""
    event_id = ident(request, "event_id", "delivery")
    found = await webhook_deliveries.of_event(request.app[CONTEXT].pool, endpoint.id, event_id)
    if found is None:
        raise not_found("delivery")
    return found


def sent_headers(event: Event, attempts: Sequence[Attempt]) -> dict[str, str]:
    """Headers of the last of these attempts, without the signature; none where there was no attempt."""
    if not attempts:
        return {}
    sent_at = str(int(attempts[-1].at.timestamp()))
    return {**webhook_signature.FIXED_HEADERS, "webhook-id": event.id, "webhook-timestamp": sent_at}


async def endpoint_of(request: web.Request, endpoint_id: str | None = None) -> Endpoint:
    """The owner's endpoint with this id, by default that of the path. Raises Problem(404)."""
    wanted = endpoint_id or _id(request)
    endpoint = await webhook_endpoints.by_id(request.app[CONTEXT].pool, owner_of(request), wanted)
    if endpoint is None:
        raise not_found("webhook endpoint")
    return endpoint


def keys_of(request: web.Request) -> Mapping[str, bytes]:
    """The keys that seal secrets of endpoints. Raises Problem where this installation has none."""
    keys = webhook_endpoints.sealing_keys(request.app[CONTEXT].settings)
    if not keys:
        detail = "Webhooks are not configured on this installation."
        raise Problem(409, "webhooks_unavailable", detail, hint="Ask its operator to set KADR_WEBHOOK_KEYS.")
    return keys


def check_webhook_url(request: web.Request, url: str) -> None:
    """Raises Problem for a URL that no webhook may be sent to. A name is judged at each attempt."""
    try:
        check_url(url, request.app[CONTEXT].settings.webhook_networks, tls_only=True)
    except Rejected as exc:
        hint = "Give an https URL on port 443 of a publicly reachable server."
        raise Problem(422, "webhook_url_refused", str(exc), hint=hint, pointer="/url") from exc


def _id(request: web.Request) -> str:
    return ident(request, "endpoint_id", "webhook endpoint")
