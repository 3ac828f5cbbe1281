"""oEmbed 1.0: what other sites ask for to show a title on their pages by its URL."""

import json
import re
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.sax.saxutils import escape

from aiohttp import web

from core.http.problems import Problem
from core.model import Policy
from origin.context import CONTEXT, Context
from origin.playback import sessions
from origin.seo.video_page import VideoPage, video_page
from origin.seo.xml_text import xml_text

routes = web.RouteTableDef()
PATH = re.compile(r"(?:/[a-z]{2})?/(?:watch|embed)/(pb_[0-9a-z]{26})/?", re.ASCII)
CACHE_S = 300
MOST_PIXELS = 10_000
TYPES = {"json": "application/json", "xml": "text/xml"}
ALLOW = "autoplay; fullscreen; picture-in-picture; encrypted-media"


def oembed_url(page: VideoPage, kind: str) -> str:
    """Where the page's title is described in `kind`, json or xml."""
    return f"{page.base}/oembed?{urlencode({'url': page.watch_url(), 'format': kind})}"


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
    try:
        parts = urlsplit(url)
    except ValueError:
        parts = urlsplit("")
    own = urlsplit(context.settings.origin_base)
    path = PATH.fullmatch(parts.path)
    if path is None or (parts.hostname, parts.port) != (own.hostname, own.port):
        raise Problem(404, "not_found", "This URL is no page of a video here.", hint="Give the URL of a watch page.")
    return path[1]


def described(page: VideoPage, most_width: int | None, most_height: int | None) -> dict[str, Any]:
    """The answer, with a player in the title's ratio that fits into the given pixels. Pure."""
    width, height = fitted(page.size.width, page.size.height, most_width, most_height)
    poster = page.poster
    author = page.author or {}
    facts: dict[str, Any] = {
        "type": "video",
        "version": "1.0",
        "title": page.title,
        "author_name": author.get("name"),
        "author_url": author.get("url"),
        "provider_name": "Kadr",
        "provider_url": page.base,
        "cache_age": CACHE_S,
        "html": (
            f'<iframe src={_attribute(page.embed_url)} width="{width}" height="{height}" '
            f"title={_attribute(page.title)} "
            f'style="border: 0; max-width: 100%" loading="lazy" allow="{ALLOW}" '
            'referrerpolicy="strict-origin-when-cross-origin" allowfullscreen></iframe>'
        ),
        "width": width,
        "height": height,
        "duration": round(page.duration_s),
    }
    if poster and page.poster_url:
        shown = fitted(poster.width, poster.height, most_width, most_height)
        facts |= {"thumbnail_url": page.poster_url, "thumbnail_width": shown[0], "thumbnail_height": shown[1]}
        if shown[0] < poster.width:
            facts["thumbnail_url"] += f"?width={shown[0]}"
    return {name: value for name, value in facts.items() if value is not None}


def fitted(width: int, height: int, most_width: int | None, most_height: int | None) -> tuple[int, int]:
    """The largest size in the ratio of width to height within both limits, at least one pixel each way."""
    scale = min(1.0, (most_width or width) / width, (most_height or height) / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def as_xml(body: dict[str, Any]) -> str:
    """The answer as XML: a name and a text for each fact."""
    facts = "".join(f"<{name}>{xml_text(str(value))}</{name}>" for name, value in body.items())
    return f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n<oembed>{facts}</oembed>\n'


def _attribute(text: str) -> str:
    return '"' + escape(text, {'"': "&quot;"}) + '"'


def _pixels(text: str | None, name: str) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 6 and int(text) > 0):
        raise Problem(400, "invalid", f"{name} must be a number of pixels.", hint=f"As in {name}=640.")
    return min(int(text), MOST_PIXELS)
