"""The account's events in commit order: what webhooks are made from, for applications that prefer polling.

A request may wait for the next event. However many wait, one query in LOOK_S tells whose feeds have grown.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from core.concurrency import cancel_and_wait
from core.db import event_feed, postgres
from core.db.event_feed import CursorExpired, Page, Place
from core.db.postgres import Pool
from core.event_types import like_patterns
from core.http.problems import Problem
from core.model import OwnerId
from core.telemetry import metrics
from core.telemetry.logs import Log
from ingest.authentication import is_still_authorized
from ingest.bodies.events import FEED_PROPERTIES, NOW, EventShape, FeedQuery
from ingest.context import CONTEXT, answer, owner_of, query_of
from ingest.openapi import operation

routes = web.RouteTableDef()
_LOG = Log("feed")
LOOK_S = 0.3
MAX_WAITING = 50  # requests of one owner


class Watch:
    """Wakes requests that wait for events of their owner."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._waiting: dict[asyncio.Event, OwnerId] = {}
        self._counts: Counter[OwnerId] = Counter()
        self._looking: asyncio.Task[None] | None = None
        self.is_closing = False

    @asynccontextmanager
    async def waiting(self, owner: OwnerId) -> AsyncIterator[asyncio.Event]:
        """An asyncio.Event that is set whenever there may be new ones of this owner. Raises Problem 429."""
        if self._counts[owner] >= MAX_WAITING:
            detail = f"{MAX_WAITING} requests are already waiting for events."
            raise Problem(429, "too_many_waiting", detail, hint="A single long poll receives every event.")
        grown = asyncio.Event()
        self._waiting[grown] = owner
        self._counts[owner] += 1
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            yield grown
        finally:
            del self._waiting[grown]
            self._counts[owner] -= 1
            if not self._counts[owner]:
                del self._counts[owner]

    async def close(self) -> None:
        """Wake all who wait, for the last time."""
        self.is_closing = True
        self._wake(None)
        if self._looking is not None:
            await cancel_and_wait([self._looking])

    async def _look(self) -> None:
        """Look for events until nobody waits."""
        seen: Place | None = None
        while self._waiting:
            try:
                seen = await self._looked(seen)
            except postgres.UNAVAILABLE as exc:
                _LOG.warning("feed.not_looked", error=repr(exc))
            except Exception as exc:  # noqa: BLE001 - the loop goes on, whatever one look met
                _LOG.error("feed.not_looked", exc)
            await asyncio.sleep(LOOK_S)

    async def _looked(self, seen: Place | None) -> Place:
        head = (await event_feed.head(self._pool)).place
        if seen is None:
            self._wake(None)  # what came before this look may have been missed
        elif head.transaction != seen.transaction:
            self._wake(await event_feed.owners_with_events(self._pool, seen, head))
        return head

    def _wake(self, owners: set[OwnerId] | None) -> None:
        for grown, owner in self._waiting.items():
            if owners is None or owner in owners:
                grown.set()


WATCH = web.AppKey("event_watch", Watch)


def end_waits_on_shutdown(app: web.Application) -> None:
    """Answer every request that waits as soon as the server stops."""

    async def on_shutdown(app: web.Application) -> None:
        await app[WATCH].close()

    app.on_shutdown.append(on_shutdown)


@routes.get("/v1/events")
@operation(EventShape, query=FeedQuery, errors=(410, 429), listing=True, beside_data=FEED_PROPERTIES)
async def feed(request: web.Request) -> web.Response:
    """List the account's events in the order in which they happened; wait for the next one with wait_s.

    Pass next_cursor as after to go on where this page ended; it is there on an empty page, too. Events are kept for 30
    days and may come more than once: their id tells.
    """
    query = query_of(request, FeedQuery)
    try:
        page = await _page(request, query)
    except CursorExpired as exc:
        hint = "Start again without `after` and re-read your assets."
        raise Problem(410, "cursor_expired", str(exc), hint=hint, pointer="/after") from exc
    written = request.app[CONTEXT].written
    if page.events and written is not None:  # who reads the asset now must find it as the event says
        await written.note(owner_of(request))
    data = [event.envelope() for event in page.events]
    return answer(data, next_cursor=str(page.next), has_more=page.has_more)


async def _page(request: web.Request, query: FeedQuery) -> Page:
    pool, owner, patterns = request.app[CONTEXT].pool, owner_of(request), like_patterns(query.patterns)
    if query.last is not None:
        return await event_feed.newest(pool, owner, patterns, query.last)
    if query.after == NOW:
        after: Place | None = (await event_feed.head(pool)).place
    else:
        after = query.place
    if not query.wait_s:
        return await event_feed.read(pool, owner, after, patterns, query.limit)
    metrics.waits_on_purpose(request)
    watch = request.app[WATCH]
    page = None
    async with watch.waiting(owner) as grown:
        with suppress(TimeoutError):
            async with asyncio.timeout(query.wait_s):
                while True:
                    grown.clear()
                    page = await event_feed.read(pool, owner, after, patterns, query.limit)
                    if page.events or watch.is_closing:
                        break
                    after = page.next
                    if page.has_more:
                        continue
                    await grown.wait()
                    if not await is_still_authorized(request):
                        raise Problem(401, "unauthenticated", "The API key has been revoked.")
    return page or await event_feed.read(pool, owner, after, patterns, query.limit)
