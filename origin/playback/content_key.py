"""The content key of an encrypted title, for sessions that may still play it.

`/key/{token}/{playback_id}/{session}[/{viewer in hex}]`: a Kadr delivery token over `/key/` and what follows it. It
lives as long as the session's delivery token; the key is refused earlier to a session or viewer who was revoked, and
of a title that was deleted or taken down. The page was checked where the session began; as for files, it is
not checked again.

Playlists of encrypted titles are signed for each session by `origin.playback.signed_playlists`, with this URL in them.
EXT-X-DEFINE would let caches share them, but of the players tried (hls.js, Shaka, ffmpeg) ffmpeg does not support it.
"""

import re

from aiohttp import web

from core.db.content_keys import KeyLocked
from core.http.problems import Problem
from core.model import PlaybackId
from core.telemetry.logs import Log
from origin import access
from origin.cdn.signers import kadr as kadr_token
from origin.context import CONTEXT, Context
from origin.delivery.send import PRIVATE

_LOG = Log("origin")
routes = web.RouteTableDef()
_PATH = re.compile(
    r"/key/(?P<token>[0-9A-Za-z]+\.[0-9]+\.[0-9a-f]{64})"
    r"(?P<who>/(?P<playback>pb_[0-9a-z]+)/(?P<session>[0-9a-f]+)(?:/(?P<viewer>(?:[0-9a-f]{2})+))?)"
)


def key_url(context: Context, who: str, expires_at: int) -> str:
    """The URL of the key for one session. `who` is its Session.path_suffix; `expires_at` is in Unix seconds."""
    token = kadr_token.token(f"/key{who}/", expires_at, context.delivery_keys)
    return f"{context.settings.origin_base}/key/{token}{who}"


@routes.get("/key/{rest:.*}")
async def key(request: web.Request) -> web.Response:
    """The 16 bytes of the AES-128 key."""
    context = request.app[CONTEXT]
    parts = access.media_path(request, _PATH)
    access.check_delivery_token(context, parts["token"], f"/key{parts['who']}/")
    playback_id = PlaybackId(parts["playback"])
    published = await access.find_published(context, playback_id)
    access.check_available(context, published)
    viewer = bytes.fromhex(parts["viewer"]).decode() if parts["viewer"] else None
    access.check_not_revoked(context, published, playback_id, parts["session"], viewer)
    try:
        content_key = await context.content_keys.get(published.asset_id)
    except KeyLocked as exc:
        _LOG.error("content_key.locked", asset=published.asset_id)
        raise Problem(503, "key_locked", "The key cannot be decrypted at the moment.") from exc
    if content_key is None:
        raise Problem(404, "not_found", "This video has no key.")
    return web.Response(body=content_key, content_type="application/octet-stream", headers={"Cache-Control": PRIVATE})
