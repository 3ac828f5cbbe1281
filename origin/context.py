"""What the handlers share, and the headers every answer to a player carries."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from core.db import Pool
from core.problems import Handler
from core.settings import Settings
from core.storage import Storage
from origin.growing import GrowingRevisions
from origin.manifests import Manifests


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Made once when the door opens."""

    settings: Settings
    pool: Pool
    storage: Storage
    manifests: Manifests
    growing: GrowingRevisions
    playback_keys: Mapping[str, bytes]
    delivery_keys: Mapping[str, bytes]


CONTEXT = web.AppKey("context", Context)
CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, Date",
}
PREFLIGHT = {
    **CORS,
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Range, If-None-Match",
    "Access-Control-Max-Age": "86400",
}


@web.middleware
async def cors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Players run on other people's pages: every answer may be read there, refusals included."""
    if request.method == "OPTIONS":
        return web.Response(status=204, headers=PREFLIGHT)
    response = await handler(request)
    response.headers.update(CORS)
    return response
