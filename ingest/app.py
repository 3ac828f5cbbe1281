"""The aiohttp application of the API: routes, middlewares, and the connections it opens and closes."""

from collections.abc import AsyncIterator

from aiohttp import web

from core import redis_client
from core.db import postgres
from core.hints import Hints
from core.http import problems, request_id
from core.settings import Settings, parse_keys
from core.storage import s3
from core.telemetry import metrics
from ingest import assets, events, experiments, health, playback, posters, storage_events, takedown, tracks, uploads
from ingest.context import CONTEXT, Context, authenticate


def create(settings: Settings) -> web.Application:
    """The API application for these settings."""
    app = web.Application(
        middlewares=[metrics.middleware("api"), problems.middleware, authenticate], client_max_size=256 * 1024
    )
    for module in (uploads, assets, tracks, posters, experiments, takedown, playback, events, storage_events, health):
        app.add_routes(module.routes)

    async def connections(app: web.Application) -> AsyncIterator[None]:
        hints, redis = Hints(settings), redis_client.connect(settings)
        pool = await postgres.connect(settings, require_repaired=True)
        async with s3.connect(settings) as stored:
            app[CONTEXT] = Context(
                settings=settings,
                pool=pool,
                storage=stored,
                hints=hints,
                redis=redis,
                playback_keys=parse_keys("KADR_PLAYBACK_KEYS", settings.playback_keys),
            )
            yield
        await hints.close()
        await redis.aclose()
        await pool.close()

    request_id.add_to(app)
    app.cleanup_ctx.append(connections)
    events.end_streams_on_shutdown(app)
    return app
