"""Server-sent events of one asset: its outbox events, and its status and progress as they change."""

import asyncio
import json
from contextlib import suppress

from aiohttp import web

from core.db import assets, outbox
from core.db.outbox import Event
from core.model import AssetStatus
from ingest.assets import requested_asset
from ingest.bodies.asset_response import shown
from ingest.context import CONTEXT, is_still_authorized, owner_of
from ingest.openapi import operation

routes = web.RouteTableDef()
LOOK_S = 0.5
KEEPALIVE_S = 15.0
# A reconnect is cheap; a stream that never ends is not.
LONGEST_S = 3600.0
_SHUTTING_DOWN = web.AppKey("shutting_down", asyncio.Event)


def end_streams_on_shutdown(app: web.Application) -> None:
    """End every stream as soon as the server stops. Otherwise it waits its whole shutdown timeout for each, twice.

    The client's EventSource connects again by itself, with the id of the last event it has seen.
    """
    app[_SHUTTING_DOWN] = asyncio.Event()

    async def on_shutdown(app: web.Application) -> None:
        app[_SHUTTING_DOWN].set()

    app.on_shutdown.append(on_shutdown)


@routes.get("/v1/assets/{asset_id}/events")
@operation(None, errors=(404,), media_type="text/event-stream")
async def stream(request: web.Request) -> web.StreamResponse:
    """Stream events and progress of an asset until it is ready or errored; resume with Last-Event-ID."""
    asset = await requested_asset(request)
    last = request.headers.get("Last-Event-ID", "")
    after = int(last) if last.isascii() and last.isdigit() and len(last) < 19 else 0
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(request)
    try:
        async with asyncio.timeout(LONGEST_S):
            await _follow(request, response, asset.id, after)
    except (ConnectionResetError, TimeoutError):
        pass  # the client left, or has listened long enough and may come back
    return response


async def _follow(request: web.Request, response: web.StreamResponse, asset_id: str, after: int) -> None:
    context = request.app[CONTEXT]
    shutting_down = request.app[_SHUTTING_DOWN]
    sent, silent_s = "", 0.0
    while not shutting_down.is_set():
        if not await is_still_authorized(request):
            return  # the key was revoked: whoever has another one connects again
        asset = await assets.of_owner(context.pool, asset_id, owner_of(request))
        events = await outbox.of_object(context.pool, asset_id, after)
        for event in events:
            await response.write(_event(event))
            after = event.position
        if asset is None:
            return  # deleted
        shape = shown(context, asset)
        steps = [{"kind": s.kind, "state": s.state, "progress": s.progress} for s in shape.steps]
        now = json.dumps({"status": shape.status.value, "progress": shape.progress, "steps": steps})
        if now != sent:
            await response.write(f"event: progress\ndata: {now}\n\n".encode())
            sent, silent_s = now, 0.0
        elif silent_s >= KEEPALIVE_S:
            await response.write(b": still here\n\n")
            silent_s = 0.0
        if asset.status in (AssetStatus.READY, AssetStatus.ERRORED) and not events:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_S):
                await shutting_down.wait()
        silent_s += LOOK_S


def _event(event: Event) -> bytes:
    return f"id: {event.position}\nevent: {event.type}\ndata: {json.dumps(event.envelope())}\n\n".encode()
