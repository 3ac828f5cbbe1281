"""The multivariant playlist of a session, and the files below its signed path."""

import gzip
import re
import time

from aiohttp import web

from core import metrics
from core.errors import ObjectMissing
from core.model import AssetId, RevisionId
from core.problems import Problem
from origin import delivery, sessions
from origin.context import CONTEXT
from origin.delivery import DeliveryRefused
from packager.playlist import PLAYLIST_NAME, media_playlist, multivariant
from packager.revision import PLAYLIST_TYPE, File, media_files

routes = web.RouteTableDef()
PRIVATE = "private, no-store"
IMMUTABLE = "public, max-age=31536000, immutable"
# The only spelling of a signed path that is served: no percent sign, no dots to climb, no empty name.
_SIGNED_PATH = re.compile(
    r"/s/(?P<token>[0-9A-Za-z]+\.[0-9]+\.[0-9a-f]{64})"
    r"(?P<prefix>/v/(?P<asset>as_[0-9a-z]+)/(?P<revision>[0-9a-f]+)/)"
    r"(?P<path>(?:[0-9a-z]+/)?[0-9a-z]+\.[0-9a-z]+)"
)
# More digits than any file has bytes: int() refuses thousands of them.
_RANGE = re.compile(r"bytes=(?:([0-9]{1,20})-([0-9]{0,20})|-([0-9]{1,20}))")


@routes.get("/play/{playback_id}/index.m3u8")
async def session_playlist(request: web.Request) -> web.Response:
    """Where every player begins. Its URIs are relative and carry this session's path token."""
    session = await sessions.start(request)
    text = multivariant(session.renditions, prefix=f"../..{session.path}")
    headers = {"Content-Type": PLAYLIST_TYPE, "Cache-Control": PRIVATE}
    return _compressed(request, text.encode(), headers)


@routes.get("/s/{rest:.*}")
async def signed_file(request: web.Request) -> web.StreamResponse:
    """Any file of a revision: playlist, init segment, segment. PostgreSQL is not asked."""
    context = request.app[CONTEXT]
    parts = _SIGNED_PATH.fullmatch(request.raw_path.partition("?")[0])
    if parts is None:
        raise Problem(403, "path_refused", "This is not a path of ours.")
    try:
        delivery.verify(parts["token"], parts["prefix"], context.delivery_keys, time.time())
    except DeliveryRefused as exc:
        raise Problem(403, "token_refused", str(exc)) from exc
    asset_id, revision_id = AssetId(parts["asset"]), RevisionId(parts["revision"])
    try:
        manifest = await context.manifests.get(asset_id, revision_id)
    except ObjectMissing:
        return await _growing_file(request, asset_id, revision_id, parts["path"])
    file = manifest.files.get(parts["path"])
    if file is None:
        return _missing(for_good=not manifest.provisional)
    try:
        return await _serve(request, file, provisional=manifest.provisional)
    except ObjectMissing:  # the asset was deleted while its manifest was kept here
        return _missing()


async def _growing_file(
    request: web.Request, asset_id: AssetId, revision_id: RevisionId, path: str
) -> web.StreamResponse:
    """A file of a revision that is still being made: its playlists are written as they are asked for."""
    growing = await request.app[CONTEXT].growing.get(asset_id, revision_id)
    if growing is None:
        return _missing()
    rendition = next((entry for entry in growing.renditions if path.startswith(f"{entry.id}/")), None)
    if rendition is not None and path == f"{rendition.id}/{PLAYLIST_NAME}":
        # All end together: a player takes the first end for that of the title.
        whole = set(growing.facts.awaited) <= growing.ended
        text = media_playlist(rendition, growing.facts.target_s, growing=not whole)
        return _compressed(request, text.encode(), {"Content-Type": PLAYLIST_TYPE, "Cache-Control": PRIVATE})
    file = media_files(asset_id, rendition).get(path) if rendition is not None else None
    try:
        return _missing(for_good=False) if file is None else await _serve(request, file)
    except ObjectMissing:
        return _missing()


def _missing(*, for_good: bool = True) -> web.Response:
    """Not there; kept for a moment unless it may come any time."""
    kept = "max-age=5" if for_good else "no-store"
    return web.json_response({"code": "not_found"}, status=404, headers={"Cache-Control": kept})


async def _serve(request: web.Request, file: File, *, provisional: bool = False) -> web.Response:
    """The bytes of one immutable file, whole, in part, or only their headers."""
    context = request.app[CONTEXT]
    text = file.type == PLAYLIST_TYPE
    zipped = text and _takes_gzip(request)
    etag = f'"{file.sha256[:32]}{"-gz" if zipped else ""}"'
    cached = PRIVATE if provisional and text else IMMUTABLE
    headers = {"Content-Type": file.type, "Cache-Control": cached, "ETag": etag, "Accept-Ranges": "bytes"}
    if text:
        headers["Vary"] = "Accept-Encoding"
    known = request.headers.get("If-None-Match", "")
    if etag in (tag.strip().removeprefix("W/") for tag in known.split(",")) or known.strip() == "*":
        return web.Response(status=304, headers=headers)
    if text:
        body = await context.storage.get(context.settings.media_bucket, file.key)
        return _compressed(request, body, headers)
    span = _span(request.headers.get("Range", ""), file.size_bytes, request.headers.get("If-Range"), etag)
    if isinstance(span, Unsatisfiable):
        return web.Response(
            status=416, headers={**headers, "Content-Range": f"bytes */{file.size_bytes}", "Cache-Control": "no-store"}
        )
    status, (first, last) = (206, span) if span else (200, (0, file.size_bytes - 1))
    if span:
        headers["Content-Range"] = f"bytes {first}-{last}/{file.size_bytes}"
    if request.method == "HEAD":
        return web.Response(status=status, headers={**headers, "Content-Length": str(last - first + 1)})
    # Whole segments only: a ranged read's status differs between servers, and a segment is small.
    body = await context.storage.get(context.settings.media_bucket, file.key)
    metrics.BYTES.labels("served").inc(last - first + 1)
    return web.Response(status=status, body=body[first : last + 1], headers=headers)


class Unsatisfiable:
    """No byte of the file is in the range that was asked for."""


def _span(asked: str, size: int, if_range: str | None, etag: str) -> tuple[int, int] | Unsatisfiable | None:
    """(first, last) byte asked for. None: no range, or none we serve, or one of another version: the whole file."""
    found = _RANGE.fullmatch(asked)
    if found is None or (if_range is not None and if_range != etag):
        return None
    first, last, suffix = found.groups()
    if suffix is not None:
        return (max(0, size - int(suffix)), size - 1) if int(suffix) else Unsatisfiable()
    if last and int(last) < int(first):
        return None  # not a range at all (RFC 9110, 14.1.1)
    return (int(first), min(int(last), size - 1) if last else size - 1) if int(first) < size else Unsatisfiable()


def _takes_gzip(request: web.Request) -> bool:
    """Named, and not with a weight of 0."""
    for item in request.headers.get("Accept-Encoding", "").split(","):
        coding, _, weight = item.replace(" ", "").lower().partition(";")
        if coding == "gzip":
            return re.fullmatch(r"q=0(\.0*)?", weight) is None
    return False


def _compressed(request: web.Request, body: bytes, headers: dict[str, str]) -> web.Response:
    """Playlists travel gzipped where the client takes it [Apple 10.1]."""
    headers = {**headers, "Vary": "Accept-Encoding"}
    if _takes_gzip(request):
        body = gzip.compress(body, compresslevel=6, mtime=0)
        headers["Content-Encoding"] = "gzip"
    return web.Response(body=body, headers=headers)
