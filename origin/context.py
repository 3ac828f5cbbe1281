"""What the handlers share, and the headers that every answer to a player carries."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from redis.asyncio import Redis

from core.caching.lru import LruDict
from core.caching.refreshing_cache import RefreshingCache
from core.db.experiments import Standing
from core.db.pictures import Pictures
from core.db.playback_ids import Published
from core.db.postgres import Pool
from core.db.provisional import Growing
from core.db.replica import Replica
from core.http.problems import Handler
from core.model import AssetId, PlaybackId
from core.settings import Settings
from core.storage.s3 import Storage
from origin.cdn.steering.state import Steering
from origin.delivery.disk_cache import DiskCache
from origin.delivery.manifests import Manifests, RevisionKey
from origin.delivery.transcripts import Transcripts
from origin.experiments.impression_counts import Impressions
from origin.images.stills import Stills
from origin.playback.pathways import Pathways
from origin.playback.revoked import Revoked
from origin.playback.shared_playlists import SharedPlaylists
from packager.revision import File
from subtitles.cues.own_chapters import OwnChapter


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One per process, made by origin.app when it starts."""

    settings: Settings
    pool: Pool
    replica: Replica | None
    redis: Redis
    storage: Storage
    disk_cache: DiskCache
    gzipped: RefreshingCache[File, bytes]  # playlists and captions
    manifests: Manifests
    provisional: RefreshingCache[RevisionKey, Growing | None]  # revisions that are still being made
    shared_playlists: SharedPlaylists
    published: RefreshingCache[PlaybackId, Published | None]
    pictures: RefreshingCache[AssetId, Pictures | None]
    stills: Stills
    transcripts: Transcripts
    own_chapters: RefreshingCache[tuple[AssetId, str], tuple[OwnChapter, ...]]  # by asset and version
    content_keys: RefreshingCache[AssetId, bytes | None]  # of encrypted titles
    experiments: RefreshingCache[AssetId, Standing | None]
    traces: LruDict[AssetId, str]  # of titles that somebody has begun to play here: core.telemetry.trace
    impressions: Impressions
    revoked: Revoked
    steering: Steering
    pathways: Pathways
    playback_keys: Mapping[str, bytes]
    delivery_keys: Mapping[str, bytes]
    lock_secrets: tuple[bytes, ...]  # any of them opens /v/


CONTEXT = web.AppKey("context", Context)
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, Date, X-Request-Id",
}
# What players, tracing and monitoring add to requests. Nothing of it is needed; a page must not fail because of it.
# The star stands for all others, except Authorization, and is not known to old browsers, hence the names.
_ALLOWED = (
    *("Range", "If-Range", "If-None-Match", "If-Modified-Since", "Content-Type", "Authorization"),
    *("Cache-Control", "Pragma", "CMCD-Request", "CMCD-Object", "CMCD-Status", "CMCD-Session"),
    *("traceparent", "tracestate", "baggage", "*"),
)
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": ", ".join(_ALLOWED),
    "Access-Control-Max-Age": "86400",
}


@web.middleware
async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let pages of any origin read every answer, refusals included: players run on other people's pages."""
    if request.method == "OPTIONS":
        return web.Response(status=204, headers=PREFLIGHT)
    response = await handler(request)
    if not response.prepared and "Access-Control-Allow-Origin" not in response.headers:  # or the handler has set it
        response.headers.update(CORS)
    return response
