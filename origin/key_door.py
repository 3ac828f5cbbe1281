"""The key of an encrypted title, for the sessions that may go on.

`/key/{token}/{playback_id}/{session}[/{viewer in hex}]`: the token is our own, over `/key/` and what follows it. It
lasts as long as the session's delivery token, and the key is refused before that to a session or viewer who was
revoked, and of a title that is deleted or taken down.

Playlists of encrypted titles are written for each session by `origin.rewritten`, with this URL in them. EXT-X-DEFINE
would have let caches keep them, but of the players tried (hls.js, Shaka, ffmpeg) ffmpeg does not know it.
"""

import re
import time

from aiohttp import web

from core import revocations
from core.content_keys import KeyLocked
from core.logs import Log
from core.model import PlaybackId
from core.problems import Problem
from origin.context import CONTEXT, Context
from origin.files import PRIVATE
from origin.signers import DeliveryRefused
from origin.signers import own as own_token

_LOG = Log("origin")
routes = web.RouteTableDef()
_PATH = re.compile(
    r"/key/(?P<token>[0-9A-Za-z]+\.[0-9]+\.[0-9a-f]{64})"
    r"(?P<who>/(?P<playback>pb_[0-9a-z]+)/(?P<session>[0-9a-f]+)(?:/(?P<viewer>(?:[0-9a-f]{2})+))?)"
)


def key_url(context: Context, who: str, expires_at: int) -> str:
    """Where the session that Session.who names finds its key."""
    token = own_token.token(f"/key{who}/", expires_at, context.delivery_keys)
    return f"{context.settings.origin_base}/key/{token}{who}"


@routes.get("/key/{rest:.*}")
async def key(request: web.Request) -> web.Response:
    """16 bytes."""
    context = request.app[CONTEXT]
    parts = _PATH.fullmatch(request.raw_path.partition("?")[0])
    if parts is None:
        raise Problem(403, "path_refused", "This is not a path of ours.")
    try:
        own_token.verify(parts["token"], f"/key{parts['who']}/", context.delivery_keys, time.time())
    except DeliveryRefused as exc:
        raise Problem(403, "token_refused", str(exc)) from exc
    playback_id = PlaybackId(parts["playback"])
    published = await context.published.get(playback_id)
    if published is None:
        raise Problem(404, "not_found", "There is no such playback id.")
    if published.deleted or published.taken_down or revocations.asset(published.asset_id) in context.revoked:
        raise Problem(410, "gone", "This video is no longer shown.")
    subjects = [revocations.session(playback_id, parts["session"])]
    if parts["viewer"]:
        subjects.append(revocations.viewer(published.owner_id, bytes.fromhex(parts["viewer"]).decode()))
    if any(subject in context.revoked for subject in subjects):
        raise Problem(403, "revoked", "This viewer may not watch any more.")
    try:
        found = await context.content_keys.get(published.asset_id)
    except KeyLocked as exc:
        _LOG.error("content_key.locked", asset=published.asset_id)
        raise Problem(503, "key_locked", "The key cannot be had now.") from exc
    if found is None:
        raise Problem(404, "not_found", "This video has no key.")
    return web.Response(body=found, content_type="application/octet-stream", headers={"Cache-Control": PRIVATE})
