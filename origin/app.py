"""The application: routes, middlewares, and what is opened and closed with it."""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from core import content_keys, db, metrics, pictures, playback, problems, storage
from core.child import ChildRunner
from core.errors import Transient
from core.live import connect as live_redis
from core.model import AssetId, PlaybackId
from core.pictures import Pictures
from core.playback import Published
from core.settings import Settings, parse_keys
from origin import (
    captions,
    cdn_file,
    choice,
    downloads,
    files,
    images,
    key_door,
    pages,
    play,
    renewal,
    rewritten,
    sessions,
    shed,
)
from origin.alike import Alike
from origin.cache import Cache
from origin.context import CONTEXT, Context, cors
from origin.fresh import Fresh
from origin.growing import GrowingRevisions
from origin.manifests import Manifests
from origin.pathways import pathways
from origin.revoked import Revoked
from origin.steering import live as steering
from origin.steering import routes as steer
from origin.stills import Stills
from studio import STATIC

health = web.RouteTableDef()
CONTENT_KEY_FRESH_S = 300.0  # it never changes; new ones come, and a missing one may
PUBLISHED_FRESH_S = 1.0  # how long a viewer may be led to what was published before


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


@asynccontextmanager
async def _cache(settings: Settings, stored: storage.Storage) -> AsyncIterator[Cache]:
    folder = settings.origin_cache_dir or settings.work_dir / "origin-cache"
    cache = Cache(stored, settings.media_bucket, folder, settings.origin_cache_bytes)
    async with cache.kept():
        yield cache


def _lock_secrets(settings: Settings) -> tuple[bytes, ...]:
    """As CDNs send them: hex in lower case. None at all without the setting."""
    if not settings.origin_lock_keys.get_secret_value():
        return ()
    keys = parse_keys("KADR_ORIGIN_LOCK_KEYS", settings.origin_lock_keys)
    return tuple(key.hex().encode() for key in keys.values())


async def _settled(_: web.Application) -> None:
    """What is loaded by now stays: looking through it for garbage again and again was a tenth of a session's cost."""
    gc.collect()
    gc.freeze()


def create(settings: Settings) -> web.Application:
    """The read door for these settings."""
    app = web.Application(
        middlewares=[
            metrics.middleware("origin"),
            cors,
            shed.middleware(settings.origin_max_requests),
            problems.middleware,
        ],
        client_max_size=16 * 1024,
    )
    for routes in (
        files.routes,
        play.routes,
        downloads.routes,
        images.routes,
        captions.routes,
        choice.routes,
        renewal.routes,
        rewritten.routes,
        key_door.routes,
        steer.routes,
        pages.routes,
        health,
    ):
        app.add_routes(routes)
    app.router.add_static("/static", STATIC)
    app[steer.COUNTRY_OF] = sessions.country_of

    # What an operator wrote is read before anything is opened: a wrong form is one sentence.
    playback_keys = parse_keys("KADR_PLAYBACK_KEYS", settings.playback_keys)
    delivery_keys = parse_keys("KADR_DELIVERY_KEYS", settings.delivery_keys)
    wrapping = content_keys.wrapping_keys(settings)
    cdns = cdn_file.load(settings.cdns, settings.origin_base)
    ways = pathways(cdns, delivery_keys, settings.origin_base)

    async def connections(app: web.Application) -> AsyncIterator[None]:
        pool, redis = await db.connect(settings), live_redis(settings)

        async def published(playback_id: PlaybackId) -> Published | None:
            return await playback.published(pool, playback_id)

        async def pictures_of(asset_id: AssetId) -> Pictures | None:
            return await pictures.of_asset(pool, asset_id)

        async def content_key(asset_id: AssetId) -> bytes | None:
            wrapped = await content_keys.read(pool, asset_id)
            return None if wrapped is None else content_keys.unwrap(wrapped, asset_id, wrapping)

        revoked = Revoked(pool, redis)
        async with (
            storage.connect(settings) as stored,
            revoked.kept_fresh(),
            _cache(settings, stored) as cache,
            steering.opened(cdns, redis) as steered,
        ):
            app[steer.STEERING] = steered
            app[captions.TEXTS] = captions.Texts(cache)
            app[CONTEXT] = Context(
                settings=settings,
                pool=pool,
                redis=redis,
                storage=stored,
                cache=cache,
                manifests=Manifests(stored, settings.media_bucket),
                alike=Alike(),
                growing=GrowingRevisions(pool),
                published=Fresh(published, fresh_s=PUBLISHED_FRESH_S, kept=10_000),
                stills=Stills(cache, lambda: ChildRunner.detect(settings.sandbox)),
                pictures=Fresh(pictures_of, fresh_s=PUBLISHED_FRESH_S, kept=10_000),
                content_keys=Fresh(content_key, fresh_s=CONTENT_KEY_FRESH_S, kept=10_000),
                revoked=revoked,
                playback_keys=playback_keys,
                delivery_keys=delivery_keys,
                pathways=ways,
                lock_secrets=_lock_secrets(settings),
            )
            yield
        await redis.aclose()
        await pool.close()

    app.cleanup_ctx.append(connections)
    app.cleanup_ctx.append(choice.counting)
    app.on_startup.append(_settled)
    return app
