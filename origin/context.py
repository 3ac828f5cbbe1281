"""What the handlers share, and the headers every answer to a player carries."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web
from redis.asyncio import Redis

from core.db import Pool
from core.model import AssetId, PlaybackId
from core.pictures import Pictures
from core.playback import Published
from core.problems import Handler
from core.settings import Settings
from core.storage import Storage
from origin.alike import Alike
from origin.cache import Cache
from origin.fresh import Fresh
from origin.growing import GrowingRevisions
from origin.manifests import Manifests
from origin.pathways import Pathways
from origin.revoked import Revoked
from origin.stills import Stills


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Made once when the door opens."""

    settings: Settings
    pool: Pool
    redis: Redis
    storage: Storage
    cache: Cache
    manifests: Manifests
    alike: Alike
    growing: GrowingRevisions
    published: Fresh[PlaybackId, Published | None]
    stills: Stills
    pictures: Fresh[AssetId, Pictures | None]
    content_keys: Fresh[AssetId, bytes | None]  # of encrypted titles
    revoked: Revoked
    pathways: Pathways
    playback_keys: Mapping[str, bytes]
    delivery_keys: Mapping[str, bytes]
    lock_secrets: tuple[bytes, ...]  # any of them opens /v/


CONTEXT = web.AppKey("context", Context)
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, Date",
}
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, HEAD, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Range, If-None-Match, Content-Type",
    "Access-Control-Max-Age": "86400",
}


@web.middleware
async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Players run on other people's pages: every answer may be read there, refusals included."""
    if request.method == "OPTIONS":
        return web.Response(status=204, headers=PREFLIGHT)
    response = await handler(request)
    if not response.prepared and "Access-Control-Allow-Origin" not in response.headers:  # or the handler has seen to it
        response.headers.update(CORS)
    return response
