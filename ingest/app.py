"""The aiohttp application of the API: routes, middlewares, and the connections it opens and closes."""

import json
from collections.abc import AsyncIterator
from importlib.metadata import version

from aiohttp import web

from core import redis_client
from core.db import postgres, replica
from core.db.written import Written
from core.hints import Hints
from core.http import problems, request_bodies, request_id, server
from core.http.openapi_document import DOCUMENT, EVENTS
from core.settings import Settings, parse_keys
from core.storage import s3
from core.telemetry import metrics, spans
from ingest import (
    account,
    assets,
    asyncapi,
    event_feed,
    events,
    experiments,
    health,
    openapi,
    page_markup,
    playback,
    posters,
    storage_events,
    takedown,
    tracks,
    upload_tokens,
    uploads,
    usage,
    webhook_endpoints,
)
from ingest.authentication import add_cors, authenticate
from ingest.context import CALLER, CONTEXT, Context, note_writes
from ingest.studio import (
    asset,
    captions,
    chapters,
    cost,
    files,
    home,
    library,
    listing,
    refusals,
    sign_in,
    upload,
    webhook,
    webhook_delivery,
    webhooks,
)
from studio import STATIC

MOST_BODY_BYTES = 256 * 1024
MODULES = (
    uploads,
    upload_tokens,
    account,
    usage,
    assets,
    page_markup,
    tracks,
    posters,
    experiments,
    takedown,
    playback,
    events,
    event_feed,
    webhook_endpoints,
    storage_events,
    health,
    sign_in,
    home,
    library,
    upload,
    asset,
    captions,
    chapters,
    listing,
    webhooks,
    webhook,
    webhook_delivery,
    cost,
    files,
)


def create(settings: Settings) -> web.Application:
    """The API application for these settings."""
    app = web.Application(
        middlewares=[
            metrics.middleware("api"),
            refusals.as_pages,
            problems.middleware,
            authenticate,
            note_writes,
            request_bodies.middleware(settings, MOST_BODY_BYTES, _accountable),
        ],
        client_max_size=MOST_BODY_BYTES,
    )
    server.harden(app)
    for module in MODULES:
        app.add_routes(module.routes)
    app.router.add_static("/static", STATIC)
    app.on_response_prepare.append(add_cors)
    app[DOCUMENT] = json.dumps(openapi.document(app, version("kadr"))).encode()
    app[EVENTS] = json.dumps(asyncapi.document(version("kadr"), settings.nats_subject_prefix)).encode()

    async def connections(app: web.Application) -> AsyncIterator[None]:
        hints, redis = Hints(settings), redis_client.connect(settings)
        pool = await postgres.connect(settings, require_repaired=True)
        async with (
            spans.exported(settings, "api"),
            s3.connect(settings) as stored,
            replica.opened(settings, pool) as standby,
            metrics.served(settings, lambda: metrics.read_backlog(pool), metrics.forget_backlog),
        ):
            app[CONTEXT] = Context(
                settings=settings,
                pool=pool,
                replica=standby,
                written=None if standby is None else Written(standby, redis),
                storage=stored,
                hints=hints,
                redis=redis,
                playback_keys=parse_keys("KADR_PLAYBACK_KEYS", settings.playback_keys),
            )
            app[events.FOLLOWED] = events.Followed(app[CONTEXT])
            app[event_feed.WATCH] = event_feed.Watch(pool)
            yield
            await app[events.FOLLOWED].close()
        await hints.close()
        await redis.aclose()
        await pool.close()

    request_id.add_to(app)
    app.cleanup_ctx.append(connections)
    events.end_streams_on_shutdown(app)
    event_feed.end_waits_on_shutdown(app)
    return app


def _accountable(request: web.Request) -> str | None:
    """Whose bodies count together; None where nobody has authenticated."""
    return request[CALLER].accountable if CALLER in request else None
