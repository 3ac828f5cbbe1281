"""Playlists for CDNs whose token is a query, and of encrypted titles: each URI in them is absolute and signed.

`/t/{token}[/k/{session}]/m/{cdn}/v/{asset}/{revision}/{rendition}/{name}.m3u8`: the token is our own, over all after it
to the revision. What is signed lives as long as that token. The session, as Session.who names it, is there where the
title has a key.
"""

import os
import re
import time

from aiohttp import web

from core import revocations
from core.errors import ObjectMissing
from core.model import AssetId, RevisionId
from core.problems import Problem
from origin import sessions
from origin.context import CONTEXT
from origin.files import PRIVATE, compressed
from origin.key_door import key_url
from origin.pathways import Pathways
from origin.signers import DeliveryRefused, SigningContext
from origin.signers import own as own_token
from packager.encryption import KEY_NAME
from packager.revision import PLAYLIST_TYPE

routes = web.RouteTableDef()
_PATH = re.compile(
    r"/t/(?P<token>[0-9A-Za-z]+\.(?P<expires>[0-9]+)\.[0-9a-f]{64})"
    r"(?P<below>(?:/k(?P<who>/pb_[0-9a-z]+/(?P<session>[0-9a-f]+)(?:/[0-9a-f]+)?))?"
    r"/m/(?P<cdn>[0-9A-Za-z-]+)(?P<prefix>/v/(?P<asset>as_[0-9a-z]+)/(?P<revision>[0-9a-f]+)/))"
    r"(?P<path>(?P<folder>[0-9a-z]+/)[0-9a-z]+\.m3u8)"
)
_URI = re.compile(r'URI="([^"]+)"')


@routes.get("/t/{rest:.*}")
async def playlist(request: web.Request) -> web.Response:
    """A media, I-frame or subtitle playlist with every file of it on one CDN."""
    context = request.app[CONTEXT]
    parts = _PATH.fullmatch(request.raw_path.partition("?")[0])
    if parts is None or parts["cdn"] not in context.pathways.cdns.ids:
        raise Problem(403, "path_refused", "This is not a path of ours.")
    try:
        own_token.verify(parts["token"], parts["below"], context.delivery_keys, time.time())
    except DeliveryRefused as exc:
        raise Problem(403, "token_refused", str(exc)) from exc
    asset_id = AssetId(parts["asset"])
    if revocations.asset(asset_id) in context.revoked:
        raise Problem(410, "gone", "This video is no longer shown.")
    try:
        manifest = await context.manifests.get(asset_id, RevisionId(parts["revision"]))
        file = manifest.files[parts["path"]]
    except (ObjectMissing, KeyError) as exc:
        raise Problem(404, "not_found", "There is no such playlist.") from exc
    async with context.cache.opened(file) as opened:
        text = os.pread(opened, file.size_bytes, 0).decode()
    below = f"{parts['prefix']}{parts['folder']}"
    expires_at = int(parts["expires"])
    keyed = key_url(context, parts["who"], expires_at) if parts["who"] else ""
    visit = sessions.visit_of(context, request) if context.pathways.ask_who else sessions.NOWHERE
    asks = SigningContext(
        now=time.time(),
        session=parts["session"] or "",
        ip=None if visit.address is None else str(visit.address),
        country=visit.country,
    )
    signed = rewritten(text, context.pathways, parts["cdn"], parts["prefix"], below, expires_at, asks, keyed)
    return compressed(request, signed.encode(), {"Content-Type": PLAYLIST_TYPE, "Cache-Control": PRIVATE})


def rewritten(
    text: str,
    pathways: Pathways,
    cdn: str,
    prefix: str,
    below: str,
    expires_at: int,
    asks: SigningContext | None = None,
    keyed: str = "",
) -> str:
    """The same playlist with each name in it as a signed URL of that CDN, and `keyed` for the key."""
    folder, known = below.removeprefix(prefix), {KEY_NAME: keyed}

    def url(name: str) -> str:
        if name not in known:
            known[name] = pathways.sign_below(cdn, prefix, f"{folder}{name}", expires_at, asks)
        return known[name]

    lines = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            lines.append(url(line))
        else:
            lines.append(_URI.sub(lambda found: f'URI="{url(found[1])}"', line))
    return "\n".join([*lines, ""])
