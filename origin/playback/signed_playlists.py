"""Media playlists whose URIs are signed one by one: for CDNs whose token is a query, and for encrypted titles.

`/t/{token}[/k/{session}]/m/{cdn}/v/{asset}/{revision}/{rendition}/{name}.m3u8`: a Kadr delivery token over what follows
it, up to the revision; the URIs are signed until that token expires. The session, as Session.path_suffix names it, is
part of the path where the title is encrypted.
"""

import asyncio
import os
import re
import time

from aiohttp import web

from core.errors import ObjectMissing
from core.http.problems import Problem
from core.model import AssetId, RevisionId
from origin import access
from origin.cdn.signers import SigningContext
from origin.context import CONTEXT
from origin.delivery.send import PRIVATE, send_text
from origin.playback import sessions
from origin.playback.content_key import key_url
from origin.playback.pathways import Pathways
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
async def signed_playlist(request: web.Request) -> web.Response:
    """A media, I-frame or subtitle playlist in which every URI is a signed URL of one CDN."""
    context = request.app[CONTEXT]
    parts = access.media_path(request, _PATH)
    if parts["cdn"] not in context.pathways.cdns.ids:
        raise Problem(403, "path_refused", "There is no such CDN.")
    access.check_delivery_token(context, parts["token"], parts["below"])
    asset_id = AssetId(parts["asset"])
    if access.is_taken_down(context, asset_id):
        raise access.removed()
    try:
        manifest = await context.manifests.get((asset_id, RevisionId(parts["revision"])))
        file = manifest.files[parts["path"]]
    except (ObjectMissing, KeyError) as exc:
        raise Problem(404, "not_found", "There is no such playlist.") from exc
    async with context.disk_cache.opened(file) as descriptor:
        text = (await asyncio.to_thread(os.pread, descriptor, file.size_bytes, 0)).decode()
    folder = f"{parts['prefix']}{parts['folder']}"
    expires_at = int(parts["expires"])
    content_key_url = key_url(context, parts["who"], expires_at) if parts["who"] else ""
    visit = sessions.visit_of(context, request) if context.pathways.per_viewer else sessions.UNKNOWN_VISIT
    viewer = SigningContext(
        now=time.time(),
        session=parts["session"] or "",
        ip=None if visit.address is None else str(visit.address),
        country=visit.country,
    )
    signed = sign_uris(
        text, context.pathways, parts["cdn"], parts["prefix"], folder, expires_at, viewer, content_key_url
    )
    return await send_text(request, signed.encode(), {"Content-Type": PLAYLIST_TYPE, "Cache-Control": PRIVATE})


def sign_uris(
    text: str,
    pathways: Pathways,
    cdn: str,
    prefix: str,
    folder: str,
    expires_at: int,
    context: SigningContext | None = None,
    content_key_url: str = "",
) -> str:
    """The playlist `text` with every URI replaced by its signed URL at one CDN, and the key's by `content_key_url`.

    `prefix` is that of the revision, `folder` that of the playlist below it; both end in a slash.
    """
    subfolder, urls = folder.removeprefix(prefix), {KEY_NAME: content_key_url}

    def url(name: str) -> str:
        if name not in urls:
            urls[name] = pathways.sign_below(cdn, prefix, f"{subfolder}{name}", expires_at, context)
        return urls[name]

    lines = []
    for line in text.splitlines():
        if line and not line.startswith("#"):
            lines.append(url(line))
        else:
            lines.append(_URI.sub(lambda uri: f'URI="{url(uri[1])}"', line))
    return "\n".join([*lines, ""])
