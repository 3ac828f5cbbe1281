"""The files of a revision: below a viewer's signed path, and below /v/ for CDNs that know the origin lock.

PostgreSQL is read for revisions that are still being made, and for files that are missing; never for files that exist.
"""

import hmac
import random
import re
from collections.abc import Mapping

from aiohttp import web

from core.errors import ObjectMissing
from core.http import problems
from core.http.client_address import home_of
from core.http.problems import Problem
from core.model import AssetId, RevisionId
from core.telemetry import trace
from core.telemetry.logs import Log
from origin import access
from origin.cdn.purge.tags import tag_headers
from origin.context import CONTEXT, Context
from origin.delivery.send import PRIVATE, send_file, send_text
from origin.playback import sessions
from packager.names import PLAYLIST_NAME
from packager.playlist import media_playlist
from packager.revision import PLAYLIST_TYPE, media_files

_LOG = Log("origin")
routes = web.RouteTableDef()
LOCK_HEADER = "X-Kadr-Origin-Lock"
CMCD_SHARE = 0.01  # of the requests that carry CMCD are logged
# The only spelling of a path that is served: no percent sign, no dot segments, no empty name.
_FILE = r"(?P<prefix>/v/(?P<asset>as_[0-9a-z]+)/(?P<revision>[0-9a-f]+)/)(?P<path>(?:[0-9a-z]+/)?[0-9a-z]+\.[0-9a-z]+)"
_SIGNED_PATH = re.compile(rf"/s/(?P<token>[0-9A-Za-z]+\.[0-9]+\.[0-9a-f]{{64}}){_FILE}")
_LOCKED_PATH = re.compile(_FILE)


@routes.get("/s/{rest:.*}")
async def signed_file(request: web.Request) -> web.StreamResponse:
    """Any file of a revision: playlist, init segment, segment. The token is valid for everything below its prefix."""
    context = request.app[CONTEXT]
    parts = access.media_path(request, _SIGNED_PATH)
    access.check_delivery_token(context, parts["token"], parts["prefix"])
    if "CMCD=" in request.raw_path:
        _take_report(context, request, parts)
    return await _send(request, context, parts, {})


@routes.get("/v/{rest:.*}")
async def locked_file(request: web.Request) -> web.StreamResponse:
    """The same files for a CDN, which has checked its viewer's token and proves by the lock that it is ours."""
    context = request.app[CONTEXT]
    lock = request.headers.get(LOCK_HEADER, "").encode(errors="replace")
    # Every secret is compared, so that the time it takes says nothing about which one was near.
    if not sum(hmac.compare_digest(lock, secret) for secret in context.lock_secrets):
        raise Problem(403, "locked", "Files are served through a CDN or below a signed path.")
    parts = access.media_path(request, _LOCKED_PATH)
    return await _send(request, context, parts, tag_headers(parts["asset"], parts["revision"]))


def _take_report(context: Context, request: web.Request, parts: re.Match[str]) -> None:
    """Count a player's CMCD towards the health of the origin's own pathway, and log a sample of them."""
    cmcd = request.query.get("CMCD", "")
    if context.pathways.own_id is not None:
        address = home_of(sessions.visit_of(context, request).address)
        context.steering.reported_cmcd(context.pathways.own_id, cmcd, address)
    if random.random() < CMCD_SHARE:
        _LOG.info("cmcd", asset=parts["asset"], path=parts["path"], cmcd=cmcd)


async def _send(
    request: web.Request, context: Context, parts: re.Match[str], headers: Mapping[str, str]
) -> web.StreamResponse:
    """The file of a path that was checked, with these `headers` besides its own."""
    asset_id, revision_id = AssetId(parts["asset"]), RevisionId(parts["revision"])
    trace.follow(context.traces.get(asset_id))
    if access.is_taken_down(context, asset_id):
        return _refuse(access.removed())
    try:
        try:
            manifest = await context.manifests.get((asset_id, revision_id))
        except ObjectMissing:
            return await _send_provisional(request, context, asset_id, revision_id, parts["path"])
        file = manifest.files.get(parts["path"])
        if file is None:
            return _refuse(access.no_such_file(), cacheable=not manifest.provisional)
        return await send_file(request, file, headers, provisional=manifest.provisional)
    except ObjectMissing:  # no such revision, or the asset was deleted while its manifest was held here
        return _refuse(await access.missing_file(context, asset_id))


async def _send_provisional(
    request: web.Request, context: Context, asset_id: AssetId, revision_id: RevisionId, path: str
) -> web.StreamResponse:
    """A file of a revision that is still being made, whose playlists are written for each request.

    Raises ObjectMissing where there is no such revision.
    """
    provisional = await context.provisional.get((asset_id, revision_id))
    if provisional is None:
        raise ObjectMissing
    rendition = next((entry for entry in provisional.renditions if path.startswith(f"{entry.id}/")), None)
    if rendition is not None and path == f"{rendition.id}/{PLAYLIST_NAME}":
        # All playlists end together: a player takes the first end for that of the title.
        complete = set(provisional.facts.awaited) <= provisional.ended
        text = media_playlist(rendition, provisional.facts.target_s, growing=not complete)
        return await send_text(request, text.encode(), {"Content-Type": PLAYLIST_TYPE, "Cache-Control": PRIVATE})
    file = media_files(asset_id, rendition).get(path) if rendition is not None else None
    if file is None:
        return _refuse(access.no_such_file(), cacheable=False)
    return await send_file(request, file)


def _refuse(problem: Problem, *, cacheable: bool = True) -> web.Response:
    """Caches may keep the refusal for a moment, unless the file may exist at any time."""
    return problems.response(problem, {"Cache-Control": "max-age=5" if cacheable else "no-store"})
