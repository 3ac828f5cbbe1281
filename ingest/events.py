"""Server-sent events of one asset: its outbox events, and its status and progress as they change.

However many streams follow an asset, it is read once in LOOK_S; and an owner who follows many assets is told of each
less often: no number of streams of one key slows the API for others.
"""

import asyncio
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from aiohttp import web

from core.caching.refreshing_cache import RefreshingCache
from core.db import assets, outbox
from core.db.outbox import Event
from core.http.problems import Problem
from core.model import AssetId, AssetStatus, OwnerId
from core.telemetry import metrics
from ingest.assets import requested_asset
from ingest.authentication import is_still_authorized
from ingest.bodies.asset_response import shown
from ingest.context import Context, owner_of
from ingest.openapi import operation

routes = web.RouteTableDef()
LOOK_S = 0.5
ASSETS_AT_THAT_RATE = 50  # of one owner; twice as many are each looked at half as often
MOST_STREAMS = 1000  # of one owner
KEEPALIVE_S = 15.0
# A reconnect is cheap; a stream that never ends is not.
LONGEST_S = 3600.0
_SHUTTING_DOWN = web.AppKey("shutting_down", asyncio.Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    """What streams tell of an asset at one moment: its progress as JSON, whether that is the end, and its events."""

    progress: str
    final: bool
    events: tuple[Event, ...]


class Followed:
    """The assets that streams of this process follow, each read at most once in LOOK_S."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._states: RefreshingCache[tuple[OwnerId, AssetId], _State | None] = RefreshingCache(
            self._read, recheck=self._read, name="followed", refresh_s=LOOK_S, max_entries=2 * MOST_STREAMS
        )
        self._streams: defaultdict[OwnerId, Counter[AssetId]] = defaultdict(Counter)

    async def close(self) -> None:
        await self._states.close()

    @contextmanager
    def stream(self, owner: OwnerId, asset_id: AssetId) -> Iterator[None]:
        """Count a stream while the body runs. Raises Problem 429 for one too many of an owner."""
        streams = self._streams[owner]
        if streams.total() >= MOST_STREAMS:
            detail = f"More than {MOST_STREAMS} event streams are open."
            raise Problem(429, "too_many_streams", detail, hint="Close some, or read the assets instead.")
        streams[asset_id] += 1
        try:
            yield
        finally:
            streams[asset_id] -= 1
            if not streams[asset_id]:
                del streams[asset_id]
            if not streams:
                self._streams.pop(owner, None)

    def pause_s(self, owner: OwnerId) -> float:
        """How long a stream of this owner waits before it looks again."""
        return LOOK_S * max(1.0, len(self._streams.get(owner, ())) / ASSETS_AT_THAT_RATE)

    async def state(self, owner: OwnerId, asset_id: AssetId) -> _State | None:
        """At most LOOK_S old; None where the asset was deleted."""
        return await self._states.get((owner, asset_id))

    async def _read(self, key: tuple[OwnerId, AssetId], old: _State | None = None) -> _State | None:
        owner, asset_id = key
        asset = await assets.of_owner(self._context.pool, asset_id, owner)
        known = old.events if old else ()
        new = await outbox.of_object(self._context.pool, asset_id, known[-1].position if known else 0)
        if asset is None:
            return None
        if new and self._context.written is not None:  # who reads the asset now must find it as the event says
            await self._context.written.note(owner)
        shape = shown(self._context, asset)
        steps = [{"kind": s.kind, "state": s.state, "progress": s.progress} for s in shape.steps]
        return _State(
            progress=json.dumps({"status": shape.status.value, "progress": shape.progress, "steps": steps}),
            final=asset.status in (AssetStatus.READY, AssetStatus.ERRORED),
            events=(*known, *new),
        )


FOLLOWED = web.AppKey("followed", Followed)


def end_streams_on_shutdown(app: web.Application) -> None:
    """End every stream as soon as the server stops. Otherwise it waits its whole shutdown timeout for each, twice.

    The client's EventSource connects again by itself, with the id of the last event it has seen.
    """
    app[_SHUTTING_DOWN] = asyncio.Event()

    async def on_shutdown(app: web.Application) -> None:
        app[_SHUTTING_DOWN].set()

    app.on_shutdown.append(on_shutdown)


@routes.get("/v1/assets/{asset_id}/events")
@operation(None, errors=(404, 429), media_type="text/event-stream")
async def stream(request: web.Request) -> web.StreamResponse:
    """Stream events and progress of an asset until it is ready or errored; resume with Last-Event-ID."""
    asset, owner = await requested_asset(request), owner_of(request)
    last = request.headers.get("Last-Event-ID", "")
    after = int(last) if last.isascii() and last.isdigit() and len(last) < 19 else 0
    response = web.StreamResponse(
        headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    metrics.waits_on_purpose(request)
    with request.app[FOLLOWED].stream(owner, asset.id):
        await response.prepare(request)
        try:
            async with asyncio.timeout(LONGEST_S):
                await _follow(request, response, owner, asset.id, after)
        except (ConnectionResetError, TimeoutError):
            pass  # the client left, or has listened long enough and may come back
    return response


async def _follow(
    request: web.Request, response: web.StreamResponse, owner: OwnerId, asset_id: AssetId, after: int
) -> None:
    followed = request.app[FOLLOWED]
    shutting_down = request.app[_SHUTTING_DOWN]
    sent, silent_s = "", 0.0
    while not shutting_down.is_set():
        if not await is_still_authorized(request):
            return  # the key was revoked: whoever has another one connects again
        state = await followed.state(owner, asset_id)
        if state is None:
            return  # deleted
        events = [event for event in state.events if event.position > after]
        for event in events:
            await response.write(_event(event))
            after = event.position
        if state.progress != sent:
            await response.write(f"event: progress\ndata: {state.progress}\n\n".encode())
            sent, silent_s = state.progress, 0.0
        elif silent_s >= KEEPALIVE_S:
            await response.write(b": still here\n\n")
            silent_s = 0.0
        if state.final and not events:
            return
        pause_s = followed.pause_s(owner)
        with suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await shutting_down.wait()
        silent_s += pause_s


def _event(event: Event) -> bytes:
    return f"id: {event.position}\nevent: {event.type}\ndata: {json.dumps(event.envelope())}\n\n".encode()
