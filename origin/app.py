"""The application: routes, middlewares, and what is opened and closed with it."""

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from core import db, metrics, problems, storage
from core.errors import Transient
from core.settings import Settings, parse_keys
from origin import pages, play
from origin.context import CONTEXT, Context, cors
from origin.growing import GrowingRevisions
from origin.manifests import Manifests
from studio import STATIC

health = web.RouteTableDef()


@health.get("/health/live")
async def live(_: web.Request) -> web.Response:
    return web.json_response({"data": {"status": "ok"}}, headers={"Cache-Control": "no-store"})


@health.get("/health/ready")
async def ready(request: web.Request) -> web.Response:
    """200 while bytes can be served: storage is needed, PostgreSQL only for new sessions."""
    context = request.app[CONTEXT]
    try:
        async with asyncio.timeout(2):
            good = await context.storage.has_bucket(context.settings.media_bucket)
    except (Transient, TimeoutError):
        good = False
    body = {"data": {"status": "ok" if good else "unavailable", "parts": {"storage": good}}}
    return web.json_response(body, status=200 if good else 503, headers={"Cache-Control": "no-store"})


@health.get("/metrics")
async def scrape(_: web.Request) -> web.Response:
    """For Prometheus."""
    return metrics.exposition()


def create(settings: Settings) -> web.Application:
    """The read door for these settings."""
    app = web.Application(
        middlewares=[metrics.middleware("origin"), cors, problems.middleware], client_max_size=16 * 1024
    )
    for routes in (play.routes, pages.routes, health):
        app.add_routes(routes)
    app.router.add_static("/static", STATIC)

    async def connections(app: web.Application) -> AsyncIterator[None]:
        pool = await db.connect(settings)
        async with storage.connect(settings) as stored:
            app[CONTEXT] = Context(
                settings=settings,
                pool=pool,
                storage=stored,
                manifests=Manifests(stored, settings.media_bucket),
                growing=GrowingRevisions(pool),
                playback_keys=parse_keys("KADR_PLAYBACK_KEYS", settings.playback_keys),
                delivery_keys=parse_keys("KADR_DELIVERY_KEYS", settings.delivery_keys),
            )
            yield
        await pool.close()

    app.cleanup_ctx.append(connections)
    return app
