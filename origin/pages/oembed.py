"""oEmbed 1.0: what other sites ask for to show a title on their pages by its URL."""

import json
import re
from urllib.parse import SplitResult, urlsplit

from aiohttp import web

from core.http.problems import Problem
from core.model import Policy
from origin.context import CONTEXT, Context
from origin.pages.video_page import video_page
from origin.playback import sessions
from seo.oembed import CACHE_S, TYPES, as_xml, described

routes = web.RouteTableDef()
PATH = re.compile(r"(?:/[a-z]{2})?/(?:watch|embed)/(pb_[0-9a-z]{26})/?", re.ASCII)
MOST_PIXELS = 10_000


@routes.get("/oembed")
async def oembed(request: web.Request) -> web.Response:
    """The player of a title as HTML for other pages, by the URL of its watch or embed page.

    Query: `url`, `maxwidth` and `maxheight` in pixels, `format`. Works for what is public, listed or not. 401 for what
    needs a token, 501 for an unknown format.
    """
    context, query = request.app[CONTEXT], request.query
    kind = query.get("format", "json")
    if kind not in TYPES:
        raise Problem(501, "not_supported", f"There is no format {kind[:20]!r}.", hint="Use json or xml.")
    playback_id = playback_id_of(context, query.get("url"))
    request.match_info["playback_id"] = playback_id
    visitor = await _visitor(request)
    page = await video_page(context, visitor)
    body = described(page, _pixels(query.get("maxwidth"), "maxwidth"), _pixels(query.get("maxheight"), "maxheight"))
    text = json.dumps(body, ensure_ascii=False) if kind == "json" else as_xml(body)
    headers = {"Cache-Control": f"public, max-age={CACHE_S}"}
    return web.Response(text=text, content_type=TYPES[kind], charset="utf-8", headers=headers)


async def _visitor(request: web.Request) -> sessions.Visitor:
    """Whoever asks, as of a title without a token. Raises Problem: 401 where it needs one."""
    try:
        visitor = await sessions.visitor_of(request)
    except Problem as exc:
        raise _not_for_everybody() if exc.code == "token_missing" else exc from exc
    if visitor.published.policy is not Policy.PUBLIC:
        raise _not_for_everybody()
    return visitor


def _not_for_everybody() -> Problem:
    return Problem(401, "token_missing", "This video is not for everybody.", hint="Its owner embeds it.")


def playback_id_of(context: Context, url: str | None) -> str:
    """The playback id in the URL of a page of this origin. Raises Problem: 400 without a URL, 404 for one of others."""
    if not url:
        raise Problem(400, "invalid", "url is missing.", hint="Give the URL of a watch page.")
    own = {_host(context.settings.origin_base), _host(context.settings.site_base)}
    path = PATH.fullmatch(_parts(url).path)
    if path is None or _host(url) not in own:
        raise Problem(404, "not_found", "This URL is no page of a video here.", hint="Give the URL of a watch page.")
    return path[1]


def _parts(url: str) -> SplitResult:
    """The URL in parts; those of an empty one where it is none."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # raises where it is no number
    except ValueError:
        return urlsplit("")
    return parts


def _host(url: str) -> tuple[str | None, int | None]:
    parts = _parts(url)
    return parts.hostname, parts.port


def _pixels(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0):
        raise Problem(400, "invalid", f"{name} must be a number of pixels.", hint=f"As in {name}=640.")
    return min(int(text), MOST_PIXELS)
