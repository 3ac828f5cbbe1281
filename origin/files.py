"""The files of a revision: below a viewer's signed path, and below /v/ for CDNs that know the lock.

PostgreSQL is asked for revisions that are still being made, and for what is not there; never for what is.
"""

import gzip
import hmac
import os
import random
import re
import time
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from aiohttp import web

from core import metrics, revocations
from core.errors import ObjectMissing
from core.logs import Log
from core.model import AssetId, RevisionId
from core.problems import Problem
from origin import ranges
from origin.context import CONTEXT, CORS, Context
from origin.gone import is_gone
from origin.purge.tags import tag_headers
from origin.ranges import Unsatisfiable
from origin.send import send_blocks, send_opened
from origin.signers import DeliveryRefused
from origin.signers import own as own_token
from origin.steering.routes import STEERING
from packager.names import PLAYLIST_NAME
from packager.playlist import media_playlist
from packager.revision import PLAYLIST_TYPE, File, media_files

_LOG = Log("origin")
routes = web.RouteTableDef()
PRIVATE = "private, no-store"
IMMUTABLE = "public, max-age=31536000, immutable"
LOCK_HEADER = "X-Kadr-Origin-Lock"
CMCD_SHARE = 0.01  # of the requests that carry CMCD are logged
ZIPPED_KEPT = 512
NONE: Mapping[str, str] = MappingProxyType({})
# Text, which travels gzipped where the client takes it [Apple 10.1].
TEXT_TYPES = frozenset({PLAYLIST_TYPE, "application/dash+xml", "text/vtt"})
# The only spelling of a path that is served: no percent sign, no dots to climb, no empty name.
_FILE = r"(?P<prefix>/v/(?P<asset>as_[0-9a-z]+)/(?P<revision>[0-9a-f]+)/)(?P<path>(?:[0-9a-z]+/)?[0-9a-z]+\.[0-9a-z]+)"
_SIGNED_PATH = re.compile(rf"/s/(?P<token>[0-9A-Za-z]+\.[0-9]+\.[0-9a-f]{{64}}){_FILE}")
_LOCKED_PATH = re.compile(_FILE)


@routes.get("/s/{rest:.*}")
async def signed_file(request: web.Request) -> web.StreamResponse:
    """Any file of a revision: playlist, init segment, segment. The token is for everything below its prefix."""
    parts = _parts(request, _SIGNED_PATH)
    try:
        own_token.verify(parts["token"], parts["prefix"], request.app[CONTEXT].delivery_keys, time.time())
    except DeliveryRefused as exc:
        raise Problem(403, "token_refused", str(exc)) from exc
    return await _file(request, parts)


@routes.get("/v/{rest:.*}")
async def locked_file(request: web.Request) -> web.StreamResponse:
    """The same for a CDN, which has checked its own token and shows that it is ours."""
    shown = request.headers.get(LOCK_HEADER, "").encode(errors="replace")
    locks = request.app[CONTEXT].lock_secrets
    # All are compared, so that the time it takes says nothing about which one was near.
    if not sum(hmac.compare_digest(shown, secret) for secret in locks):
        raise Problem(403, "locked", "Files are read through a CDN or with a signed path.")
    parts = _parts(request, _LOCKED_PATH)
    return await _file(request, parts, tag_headers(parts["asset"], parts["revision"]))


def _parts(request: web.Request, spelling: re.Pattern[str]) -> re.Match[str]:
    path, _, query = request.raw_path.partition("?")
    parts = spelling.fullmatch(path)
    if parts is None:
        raise Problem(403, "path_refused", "This is not a path of ours.")
    if "CMCD=" in query:
        _note(request, parts)
    return parts


def _note(request: web.Request, parts: re.Match[str]) -> None:
    """What a player says of how it goes: into the health of this pathway, and some of it into the log."""
    said, own_id = request.query.get("CMCD", ""), request.app[CONTEXT].pathways.own_id
    if own_id is not None:
        request.app[STEERING].reported_cmcd(own_id, said)
    if random.random() < CMCD_SHARE:
        _LOG.info("cmcd", asset=parts["asset"], path=parts["path"], cmcd=said)


async def _file(request: web.Request, parts: re.Match[str], more: Mapping[str, str] = NONE) -> web.StreamResponse:
    context = request.app[CONTEXT]
    asset_id, revision_id = AssetId(parts["asset"]), RevisionId(parts["revision"])
    if revocations.asset(asset_id) in context.revoked:
        return _absent(410)
    try:
        manifest = await context.manifests.get(asset_id, revision_id)
    except ObjectMissing:
        return await _growing_file(request, asset_id, revision_id, parts["path"])
    file = manifest.files.get(parts["path"])
    if file is None:
        return _absent(404, for_good=not manifest.provisional)
    try:
        return await serve(request, file, more, provisional=manifest.provisional)
    except ObjectMissing:  # the asset was deleted while its manifest was kept here
        return await _not_there(context, asset_id)


async def _growing_file(
    request: web.Request, asset_id: AssetId, revision_id: RevisionId, path: str
) -> web.StreamResponse:
    """A file of a revision that is still being made: its playlists are written as they are asked for."""
    context = request.app[CONTEXT]
    growing = await context.growing.get(asset_id, revision_id)
    if growing is None:
        return await _not_there(context, asset_id)
    rendition = next((entry for entry in growing.renditions if path.startswith(f"{entry.id}/")), None)
    if rendition is not None and path == f"{rendition.id}/{PLAYLIST_NAME}":
        # All end together: a player takes the first end for that of the title.
        whole = set(growing.facts.awaited) <= growing.ended
        text = media_playlist(rendition, growing.facts.target_s, growing=not whole)
        return compressed(request, text.encode(), {"Content-Type": PLAYLIST_TYPE, "Cache-Control": PRIVATE})
    file = media_files(asset_id, rendition).get(path) if rendition is not None else None
    try:
        return _absent(404, for_good=False) if file is None else await serve(request, file)
    except ObjectMissing:
        return await _not_there(context, asset_id)


async def _not_there(context: Context, asset_id: AssetId) -> web.Response:
    return _absent(410 if await is_gone(context.pool, asset_id) else 404)


def _absent(status: int, *, for_good: bool = True) -> web.Response:
    """Not there, or no longer; kept for a moment unless it may come any time."""
    code = "gone" if status == 410 else "not_found"
    kept = "max-age=5" if for_good else "no-store"
    return web.json_response({"code": code}, status=status, headers={"Cache-Control": kept})


async def serve(
    request: web.Request, file: File, more: Mapping[str, str] = NONE, *, provisional: bool = False
) -> web.StreamResponse:
    """The bytes of one immutable file, whole, in part, or only their headers; `more` headers, or others than usual."""
    context, asked = request.app[CONTEXT], request.headers
    text = file.type in TEXT_TYPES
    zipped = text and ranges.takes_gzip(asked.get("Accept-Encoding", ""))
    etag = f'"{file.sha256[:32]}{"-gz" if zipped else ""}"'
    cached = PRIVATE if provisional and text else IMMUTABLE
    headers = {
        **CORS,
        "Content-Type": file.type,
        "Cache-Control": cached,
        "ETag": etag,
        "Accept-Ranges": "bytes",
        **more,
    }
    if text:
        headers["Vary"] = "Accept-Encoding"
    if ranges.known(asked.get("If-None-Match", ""), etag):
        return web.Response(status=304, headers=headers)
    if text:
        async with context.cache.opened(file) as opened:
            body = os.pread(opened, file.size_bytes, 0)
        return compressed(request, body, headers)
    span = ranges.span(asked.get("Range", ""), file.size_bytes, asked.get("If-Range"), etag)
    if isinstance(span, Unsatisfiable):
        return web.Response(
            status=416, headers={**headers, "Content-Range": f"bytes */{file.size_bytes}", "Cache-Control": "no-store"}
        )
    status, (first, last) = (206, span) if span else (200, (0, file.size_bytes - 1))
    if span:
        headers["Content-Range"] = f"bytes {first}-{last}/{file.size_bytes}"
    if request.method == "HEAD":
        return web.Response(status=status, headers={**headers, "Content-Length": str(last - first + 1)})
    metrics.BYTES.labels("served").inc(last - first + 1)
    if file.size_bytes > context.cache.largest_bytes:
        blocks = context.storage.stream(context.settings.media_bucket, file.key, first, last)
        return await send_blocks(request, status, headers, blocks, last - first + 1)
    async with context.cache.opened(file) as opened:
        return await send_opened(request, status, headers, opened, first, last - first + 1)


def compressed(request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
    """Text, gzipped where the client takes it."""
    headers = {**headers, "Vary": "Accept-Encoding"}
    if ranges.takes_gzip(request.headers.get("Accept-Encoding", "")):
        body = _zipped(body)
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, headers=headers)


@lru_cache(maxsize=ZIPPED_KEPT)
def _zipped(body: bytes) -> bytes:
    """The same bytes each time. Playlists are asked for by many at once."""
    return gzip.compress(body, compresslevel=6, mtime=0)
