"""Where every player begins: the multivariant playlist of a session, or its DASH manifest."""

import math
import time

from aiohttp import web

from core.http.problems import Problem
from core.telemetry import metrics
from core.tokens import steering_token
from origin.context import CONTEXT
from origin.delivery.send import PRIVATE, send_text
from origin.playback import sessions
from origin.playback.playlist_template import fill_playlist
from origin.playback.session import Session
from packager.dash import mpd
from packager.revision import DASH_TYPE, PLAYLIST_TYPE

routes = web.RouteTableDef()
HLS_HEADERS = {"Content-Type": PLAYLIST_TYPE, "Cache-Control": PRIVATE}
DASH_HEADERS = {"Content-Type": DASH_TYPE, "Cache-Control": PRIVATE}


@routes.get("/play/{playback_id}/index.m3u8")
async def session_playlist(request: web.Request) -> web.Response:
    """The playlist with every pathway, the preferred one first; below each, all URIs are relative."""
    context, visitor, now = request.app[CONTEXT], await sessions.admitted(request), time.time()
    revision_id = sessions.revision_of(visitor)
    key = (visitor.published.asset_id, revision_id)
    shared = context.pathways.sessions_alike and visitor.unrestricted
    ends_at = sessions.session_end(context, visitor.claims, now) if visitor.claims else math.inf
    body = context.shared_playlists.get(key, now, ends_at) if shared else None
    order = context.pathways.cdns.ids
    if body is None:
        session = await sessions.begin(context, visitor, revision_id)
        order = _order(request, session)
        pathways = context.pathways.of(session, order)
        body = fill_playlist(session.renditions, session.subtitles, pathways, _steering_uri(request, session))
        if shared and session.whole and not session.encrypted and now < session.shareable_until:
            context.shared_playlists.put(key, body, session.shareable_until, session.expires_at)
    metrics.SESSIONS.labels(order[0]).inc()
    return await send_text(request, body, HLS_HEADERS)


@routes.get("/play/{playback_id}/manifest.mpd")
async def session_manifest(request: web.Request) -> web.Response:
    """The same segments for DASH players, once the title is completely encoded."""
    session = await sessions.start(request)
    if not session.whole:
        raise Problem(404, "not_ready", "The video is not ready for DASH yet.", hint="HLS plays it already.")
    if session.encrypted:
        raise Problem(404, "not_found", "This video's encryption is not supported with DASH.", hint="HLS plays it.")
    order = _order(request, session)
    pathways = request.app[CONTEXT].pathways.of_dash(session, order)
    if not pathways:
        raise Problem(404, "not_found", "No CDN of this server can serve DASH: each signs every file separately.")
    metrics.SESSIONS.labels(order[0]).inc()
    steering = _steering_uri(request, session)
    text = mpd(
        session.renditions,
        pathways,
        subtitles=session.subtitles,
        steering_uri=f"{steering}?dash=1" if steering and len(pathways) > 1 else None,
    )
    return await send_text(request, text.encode(), DASH_HEADERS)


def _order(request: web.Request, session: Session) -> tuple[str, ...]:
    """Pathway ids, the preferred one first."""
    pathways = request.app[CONTEXT].pathways
    if not pathways.steered:
        return pathways.cdns.ids
    return request.app[CONTEXT].steering.decide(session.id, region=session.country or "").pathways


def _steering_uri(request: web.Request, session: Session) -> str | None:
    """Where players request the order of pathways; None where there is a single one."""
    context = request.app[CONTEXT]
    if not context.pathways.steered:
        return None
    token = steering_token.sign(session.id, context.playback_keys)
    return f"{context.settings.origin_base}/by/{token}/steer/{session.id}"
