"""A session beyond its playlist: renewing it after a long pause, and ending it early.

The contract with a page: fetch `/play/{playback_id}/session?token=...` once, beside the playlist. When a file answers
403 `token_expired`, load `renewal_url` in place of the playlist and seek to where the viewer was. It is the same
session, so a viewer who was revoked meanwhile is refused, and it ends when it would have: its end is fixed where the
page's token is exchanged, and a renewal carries it on.
"""

from datetime import UTC, datetime

from aiohttp import web

from core.db import revocations
from origin.context import CONTEXT
from origin.playback import concurrent_streams, sessions

routes = web.RouteTableDef()
PRIVATE = {"Cache-Control": "private, no-store"}


@routes.get("/play/{playback_id}/session")
async def show(request: web.Request) -> web.Response:
    """The session of this token: its playlist URL, the expiry of its files, and the URL that renews it."""
    context = request.app[CONTEXT]
    session = await sessions.start(request)
    base = f"{context.settings.origin_base}/play/{session.playback_id}"
    data = {
        "session": session.id,
        "title": session.title,
        "duration_s": session.duration_s,
        "playlist_url": f"{base}/index.m3u8{f'?{request.query_string}' if request.query_string else ''}",
        "expires_at": _iso(session.expires_at),
        "renewal_url": f"{base}/index.m3u8?token={sessions.renewal(context, session)}",
        "renew_until": _iso(session.renew_until),
    }
    return web.json_response({"data": data}, headers=PRIVATE)


def _iso(unix_s: int) -> str:
    """A time as all answers write it: ISO 8601 in UTC."""
    return datetime.fromtimestamp(unix_s, UTC).isoformat().replace("+00:00", "Z")


@routes.post("/play/{playback_id}/leave")
async def leave(request: web.Request) -> web.Response:
    """End a session, so that the viewer may start one on another device at once. For `navigator.sendBeacon`."""
    context = request.app[CONTEXT]
    claims, owner_id = await sessions.claimed(request)
    if claims.limits.viewer is not None:
        await concurrent_streams.release(
            context.redis, revocations.viewer(owner_id, claims.limits.viewer), claims.session
        )
    return web.Response(status=204, headers=PRIVATE)
