"""Webhook endpoints: where events are sent to, their secrets, and what has become of each delivery."""

import builtins
from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Literal, Unpack

from kadr_client.pages import items
from kadr_client.shapes.event import Delivery, DeliveryDetails, NewWebhookEndpoint, WebhookEndpoint
from kadr_client.shapes.fields import EndpointChanges
from kadr_client.transport import Transport

PATH = "/v1/webhook_endpoints"


class WebhookEndpoints:
    """`kadr.webhook_endpoints`. What is sent to them is verified with `verify_webhook`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def create(
        self, url: str, *, types: Sequence[str] = ("*",), description: str | None = None
    ) -> NewWebhookEndpoint:
        """A new endpoint with its `secret`, which is not shown again.

        `types`: such as "video.asset.ready", "video.asset.*" or "*". Tried once: a second try might make a second one.
        """
        body = {"url": url, "types": [*types], "description": description}
        given = {name: value for name, value in body.items() if value is not None}
        endpoint: NewWebhookEndpoint = await self._transport.data("POST", PATH, given, tries=1)
        return endpoint

    async def list(self) -> builtins.list[WebhookEndpoint]:
        """All endpoints."""
        return [endpoint async for endpoint in items(self._transport, PATH, {})]

    async def get(self, endpoint_id: str) -> WebhookEndpoint:
        """One endpoint, with how many deliveries are pending or dead."""
        endpoint: WebhookEndpoint = await self._transport.data("GET", f"{PATH}/{endpoint_id}")
        return endpoint

    async def update(self, endpoint_id: str, **changes: Unpack[EndpointChanges]) -> WebhookEndpoint:
        """Change what is given, and nothing else; `enabled=True` sends to a disabled one again."""
        endpoint: WebhookEndpoint = await self._transport.data("PATCH", f"{PATH}/{endpoint_id}", changes)
        return endpoint

    async def delete(self, endpoint_id: str) -> None:
        """Delete an endpoint. Nothing is sent to it any more."""
        await self._transport.answer("DELETE", f"{PATH}/{endpoint_id}")

    async def rotate_secret(self, endpoint_id: str, *, force: bool = False) -> NewWebhookEndpoint:
        """A new `secret`; the one before signs as well for 24 hours. `force`: also where one is being rotated out."""
        path = f"{PATH}/{endpoint_id}/rotate_secret"
        endpoint: NewWebhookEndpoint = await self._transport.data("POST", path, {"force": force})
        return endpoint

    async def test(self, endpoint_id: str) -> str:
        """Send the event `webhook_endpoint.test` to this endpoint; the id of that event."""
        sent = await self._transport.data("POST", f"{PATH}/{endpoint_id}/test", {})
        return str(sent["event_id"])

    async def redeliver(
        self,
        endpoint_id: str,
        *,
        event_id: str | None = None,
        start: str | datetime | None = None,
        end: str | datetime | None = None,
        dead: bool | None = None,
    ) -> int:
        """Send one event again, or those of a span of time, or all dead ones; how many deliveries that makes."""
        body = {"event_id": event_id, "from": start, "to": end, "dead": dead}
        given = {name: value for name, value in body.items() if value is not None}
        queued = await self._transport.data("POST", f"{PATH}/{endpoint_id}/redeliver", given)
        return int(queued["deliveries"])

    def deliveries(
        self, endpoint_id: str, *, state: Literal["pending", "delivered", "dead"] | None = None, page_size: int = 100
    ) -> AsyncIterator[Delivery]:
        """Deliveries to an endpoint, newest first: `async for delivery in ...deliveries("we_...")`."""
        return items(self._transport, f"{PATH}/{endpoint_id}/deliveries", {"state": state, "limit": page_size})

    async def delivery(self, endpoint_id: str, event_id: str) -> DeliveryDetails:
        """One delivery with every attempt, and the request as it was sent."""
        delivery: DeliveryDetails = await self._transport.data("GET", f"{PATH}/{endpoint_id}/deliveries/{event_id}")
        return delivery
