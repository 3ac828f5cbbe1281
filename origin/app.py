"""The origin's application: its routes and middlewares, and what is opened and closed with it."""

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from redis.asyncio import Redis

from core.caching.lru import LruDict
from core.caching.refreshing_cache import RefreshingCache
from core.db import content_keys, experiments, pictures, playback_ids, postgres, provisional, replica
from core.db.playback_ids import Published
from core.db.postgres import Pool
from core.db.replica import Replica
from core.db.written import Written
from core.errors import Transient
from core.http import front_page, problems, request_bodies, request_id, server
from core.http.front_page import Way
from core.http.openapi_document import DOCUMENT
from core.model import AssetId, PlaybackId
from core.own_folder import own_folder
from core.redis_client import connect as redis_client
from core.sandbox.child import ChildRunner
from core.settings import Settings, parse_keys
from core.storage import s3
from core.telemetry import metrics, spans
from origin import access, openapi
from origin.cdn import cdn_file
from origin.cdn.cdns import Cdns
from origin.cdn.steering import routes as steer
from origin.cdn.steering import state as steering
from origin.context import CONTEXT, Context, cors
from origin.delivery import captions, deleted, downloads, files, load_shedding
from origin.delivery.disk_cache import DiskCache
from origin.delivery.manifests import RevisionKey, manifests
from origin.delivery.send import gzipped_files
from origin.delivery.transcripts import transcripts
from origin.experiments import impression_counts, poster_assignment
from origin.images import images
from origin.images.stills import Stills
from origin.pages import embed, facts, oembed, player_files, sitemaps, videos, watch
from origin.playback import content_key, play, renewal, sessions, signed_playlists
from origin.playback.pathways import Pathways, pathways
from origin.playback.revoked import Revoked
from origin.playback.shared_playlists import SharedPlaylists
from studio import STATIC
from subtitles.cues import own_chapters

health = web.RouteTableDef()
MOST_BODY_BYTES = 16 * 1024
CONTENT_KEY_REFRESH_S = 300.0  # a key never changes; an asset may get its key later
PROVISIONAL_REFRESH_S, PROVISIONAL_ENTRIES = 0.5, 256
CHAPTERS_ENTRIES = 1000  # of up to 100 chapters each
TRACES_ENTRIES = 4096
ROUTES = (
    files.routes,
    play.routes,
    downloads.routes,
    images.routes,
    captions.routes,
    poster_assignment.routes,
    renewal.routes,
    signed_playlists.routes,
    content_key.routes,
    steer.routes,
    facts.routes,
    watch.routes,
    oembed.routes,
    sitemaps.routes,
    videos.routes,
    embed.routes,
    player_files.routes,
    openapi.routes,
    health,
)


@health.get("/")
async def front(request: web.Request) -> web.Response:
    """A page that leads on: to the watch page, to what can be called here and to the API."""
    api = request.app[CONTEXT].settings.api_public_url
    ways = (
        Way(name="Watch", sentence="The page of a video, by its playback id.", url="/watch"),
        Way(name="Playback", sentence="What players and pages can call here, as OpenAPI 3.1.", url="/openapi.json"),
        Way(name="API", sentence="Uploads and the library; at an address of its own.", url=api),
        front_page.DOCS,
    )
    return front_page.response("Kadr origin", "Playback of videos: playlists, segments, pictures.", ways)


@health.get("/health/live")
async def live(_: web.Request) -> web.Response:
    """200 while the process answers."""
    return web.json_response({"data": {"status": "ok"}}, headers={"Cache-Control": "no-store"})


@health.get("/health/ready")
async def ready(request: web.Request) -> web.Response:
    """200 while files can be served: storage is required, PostgreSQL only for new sessions, and a replica never."""
    context = request.app[CONTEXT]
    try:
        async with asyncio.timeout(2):
            available = await context.storage.has_bucket(context.settings.media_bucket)
    except (Transient, TimeoutError):
        available = False
    parts = {"storage": available}
    if context.replica is not None:
        parts["replica"] = context.replica.is_used
    body = {"data": {"status": "ok" if available else "unavailable", "parts": parts}}
    return web.json_response(body, status=200 if available else 503, headers={"Cache-Control": "no-store"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Configuration:
    """The settings in the form the origin uses. Keys are by key id."""

    settings: Settings
    playback_keys: Mapping[str, bytes]
    delivery_keys: Mapping[str, bytes]
    wrapping_keys: Mapping[str, bytes]
    lock_secrets: tuple[bytes, ...]
    cdns: Cdns
    pathways: Pathways


def create(settings: Settings) -> web.Application:
    """The application for these settings. Raises ConfigError before anything is opened."""
    configuration = _configuration(settings)
    app = web.Application(
        middlewares=[
            metrics.middleware("origin"),
            cors,
            problems.middleware,
            request_bodies.middleware(settings, MOST_BODY_BYTES),
            load_shedding.middleware(settings.origin_max_requests),
        ],
        client_max_size=MOST_BODY_BYTES,
    )
    server.harden(app)
    for routes in ROUTES:
        app.add_routes(routes)
    app.router.add_static("/static", STATIC)
    app[DOCUMENT] = openapi.document(app, settings.origin_base)

    async def running(app: web.Application) -> AsyncIterator[None]:
        async with spans.exported(settings, "origin"), metrics.served(settings), _opened(configuration) as context:
            app[CONTEXT] = context
            # Steering is a small application of its own, which knows no context.
            app[steer.STEERING] = context.steering
            app[steer.COUNTRY_OF] = sessions.country_of
            app[steer.REPORTER_OF] = sessions.reporter_of
            yield

    request_id.add_to(app)
    app.cleanup_ctx.append(running)
    app.on_startup.append(_freeze_garbage_collector)
    return app


def _configuration(settings: Settings) -> _Configuration:
    delivery_keys = parse_keys("KADR_DELIVERY_KEYS", settings.delivery_keys)
    cdns = cdn_file.load(settings.cdns, settings.origin_base)
    return _Configuration(
        settings=settings,
        playback_keys=parse_keys("KADR_PLAYBACK_KEYS", settings.playback_keys),
        delivery_keys=delivery_keys,
        wrapping_keys=content_keys.wrapping_keys(settings),
        lock_secrets=_lock_secrets(settings),
        cdns=cdns,
        pathways=pathways(cdns, delivery_keys, settings.origin_base),
    )


def _lock_secrets(settings: Settings) -> tuple[bytes, ...]:
    """The values of the origin lock header as CDNs send them, lower-case hex; none without the setting."""
    if not settings.origin_lock_keys.get_secret_value():
        return ()
    keys = parse_keys("KADR_ORIGIN_LOCK_KEYS", settings.origin_lock_keys)
    return tuple(key.hex().encode() for key in keys.values())


@asynccontextmanager
async def _opened(configuration: _Configuration) -> AsyncIterator[Context]:
    """The context, with every connection and background task behind it open for as long as the body runs."""
    settings = configuration.settings
    if settings.origin_cache_dir is None:  # the cache is below it
        own_folder(settings.work_dir, "KADR_WORK_DIR")
    async with AsyncExitStack() as stack:
        pool = await postgres.connect(settings)
        stack.push_async_callback(pool.close)
        redis = redis_client(settings)
        stack.push_async_callback(redis.aclose)
        stored = await stack.enter_async_context(s3.connect(settings))
        context = _context(
            configuration,
            pool,
            redis,
            stored,
            standby=await stack.enter_async_context(replica.opened(settings, pool)),
            impressions=await stack.enter_async_context(impression_counts.opened(pool)),
            steered=await stack.enter_async_context(steering.opened(configuration.cdns, redis)),
        )
        await stack.enter_async_context(context.revoked.refreshing())
        await stack.enter_async_context(context.disk_cache.running())
        for cache in (
            context.stills,
            context.transcripts,
            context.gzipped,
            context.manifests,
            context.provisional,
            context.published,
            context.pictures,
            context.content_keys,
            context.experiments,
        ):
            stack.push_async_callback(cache.close)
        await stack.enter_async_context(deleted.forgetting(context))
        yield context


def _context(
    configuration: _Configuration,
    pool: Pool,
    redis: Redis,
    stored: s3.Storage,
    *,
    standby: Replica | None,
    impressions: impression_counts.Impressions,
    steered: steering.Steering,
) -> Context:
    """Everything that handlers share; opens nothing."""
    settings = configuration.settings
    folder = settings.origin_cache_dir or settings.work_dir / "origin-cache"
    metrics.watch_disk("cache", folder)
    disk_cache = DiskCache(stored, settings.media_bucket, folder, settings.origin_cache_bytes)
    revisions = manifests(stored, settings.media_bucket)
    reads = pool if standby is None else standby.reads()
    written = None if standby is None else Written(standby, redis)

    async def read_published(playback_id: PlaybackId) -> Published | None:
        found = await playback_ids.published(reads, playback_id)
        if standby is None or written is None:
            return found
        if found is None or found.revision_id is None:
            # Its first revision may just have been published, and a player was told so.
            return await playback_ids.published(pool, playback_id)
        # Its owner may just have made it signed, or named the pages that may play it: that holds at once.
        after = await written.position_of(found.owner_id)
        return await playback_ids.published(standby.reads(after), playback_id) if after else found

    async def read_provisional(key: RevisionKey) -> provisional.Growing | None:
        return await provisional.read(pool, *key)

    async def read_content_key(asset_id: AssetId) -> bytes | None:
        wrapped = await content_keys.read(reads, asset_id)
        return None if wrapped is None else content_keys.unwrap(wrapped, asset_id, configuration.wrapping_keys)

    async def read_chapters(key: tuple[AssetId, str]) -> tuple[own_chapters.OwnChapter, ...]:
        return own_chapters.from_stored(await playback_ids.chapters(pool, key[0]))

    return Context(
        settings=settings,
        pool=pool,
        replica=standby,
        redis=redis,
        storage=stored,
        disk_cache=disk_cache,
        gzipped=gzipped_files(disk_cache),
        manifests=revisions,
        provisional=RefreshingCache(
            read_provisional, name="provisional", refresh_s=PROVISIONAL_REFRESH_S, max_entries=PROVISIONAL_ENTRIES
        ),
        shared_playlists=SharedPlaylists(),
        published=RefreshingCache(read_published, name="published", refresh_s=access.SEEN_WITHIN_S),
        pictures=RefreshingCache(
            lambda asset_id: pictures.of_asset(pool, asset_id), name="pictures", refresh_s=access.SEEN_WITHIN_S
        ),
        stills=Stills(disk_cache, revisions, lambda: ChildRunner.detect(settings.sandbox)),
        transcripts=transcripts(disk_cache),
        own_chapters=RefreshingCache(read_chapters, name="chapters", max_entries=CHAPTERS_ENTRIES),
        content_keys=RefreshingCache(read_content_key, name="content_keys", refresh_s=CONTENT_KEY_REFRESH_S),
        experiments=RefreshingCache(
            lambda asset_id: experiments.settled(pool, asset_id), name="experiments", refresh_s=access.SEEN_WITHIN_S
        ),
        traces=LruDict(TRACES_ENTRIES),
        impressions=impressions,
        revoked=Revoked(pool, redis),
        steering=steered,
        pathways=configuration.pathways,
        playback_keys=configuration.playback_keys,
        delivery_keys=configuration.delivery_keys,
        lock_secrets=configuration.lock_secrets,
    )


async def _freeze_garbage_collector(_: web.Application) -> None:
    """Exempt what is loaded by now from garbage collection: scanning it again was a tenth of a session's cost."""
    gc.collect()
    gc.freeze()
