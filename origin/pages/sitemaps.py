"""What crawlers read first: robots.txt, and the sitemap of all listed titles.

The index reads one row per file. A file is read and sent in pages of PER_PAGE titles, in constant memory and holding no
connection to the database between two of them.
"""

import hashlib
import zlib
from collections.abc import AsyncIterator
from datetime import datetime

from aiohttp import hdrs, web

from core.db import listed
from core.http.problems import Problem
from origin.context import CONTEXT, Context
from origin.delivery import ranges
from seo import sitemap
from seo.robots import robots_txt
from seo.sites import sites_of
from seo.video_page import of_listed

routes = web.RouteTableDef()
PER_PAGE = 500
CACHE = "public, max-age=300, stale-while-revalidate=3600"
XML_TYPE = "application/xml"


@routes.get("/robots.txt")
async def robots(request: web.Request) -> web.Response:
    """Which paths crawlers may read, and where the sitemap is."""
    settings = request.app[CONTEXT].settings
    text = robots_txt(settings.site_base, settings.robots_disallow)
    return web.Response(text=text, headers={"Cache-Control": "public, max-age=3600"})


@routes.get("/{key:[A-Za-z0-9-]{8,128}}.txt")
async def indexnow_key(request: web.Request) -> web.Response:
    """The key by which engines of IndexNow know that a message is from this site."""
    key = request.app[CONTEXT].settings.indexnow_key
    if key is None or request.match_info["key"] != key:
        raise Problem(404, "not_found", "There is no such file.")
    return web.Response(text=key, headers={"Cache-Control": "public, max-age=3600"})


@routes.get("/sitemap.xml")
async def index(request: web.Request) -> web.StreamResponse:
    """The list of the sitemap's files."""
    context = request.app[CONTEXT]
    files = [sitemap.Part(number=number, changed_at=at) for number, at in await listed.parts(context.pool)]
    text = sitemap.index(context.settings.site_base, files)
    return await _send(request, _once(text), etag=hashlib.sha256(text.encode()).hexdigest()[:20])


@routes.get(r"/sitemaps/videos-{number:[1-9][0-9]{0,8}}.xml")
async def part(request: web.Request) -> web.StreamResponse:
    """Send one file of the sitemap, as it is read."""
    context, number = request.app[CONTEXT], int(request.match_info["number"])
    state = await listed.part(context.pool, number)
    if state is None:
        raise Problem(404, "not_found", "There is no such sitemap.", hint="/sitemap.xml lists them.")
    changed_at, is_settled = state
    return await _send(request, _entries(context, number), etag=_etag(number, changed_at) if is_settled else None)


def _etag(number: int, changed_at: datetime) -> str:
    return f"{number}-{int(changed_at.timestamp() * 1_000_000):x}"


async def _entries(context: Context, number: int) -> AsyncIterator[str]:
    yield sitemap.HEAD
    after: str | None = ""
    while after is not None:
        titles, after = await listed.page_of_part(context.pool, number, after, PER_PAGE)
        pages = [(of_listed(sites_of(context.settings), title), changed_at) for title, changed_at in titles]
        yield "".join(sitemap.entry(page, changed_at) for page, changed_at in pages)
    yield sitemap.FOOT


async def _once(text: str) -> AsyncIterator[str]:
    yield text


async def _send(request: web.Request, texts: AsyncIterator[str], *, etag: str | None) -> web.StreamResponse:
    """The document as it comes, gzipped for who accepts that. `etag`: of a document that is settled."""
    zipped = ranges.takes_gzip(request.headers.get(hdrs.ACCEPT_ENCODING, ""))
    headers = {"Cache-Control": CACHE, "Vary": hdrs.ACCEPT_ENCODING, "X-Robots-Tag": "noindex"}
    if etag is not None:
        tag = f'"{etag}{"-gzip" if zipped else ""}"'
        headers["ETag"] = tag
        if ranges.known(request.headers.get(hdrs.IF_NONE_MATCH, ""), tag):
            return web.Response(status=304, headers=headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    response = web.StreamResponse(headers={**headers, "Content-Type": f"{XML_TYPE}; charset=utf-8"})
    if request.method == "HEAD":
        return response
    await response.prepare(request)
    packer = zlib.compressobj(wbits=31) if zipped else None
    async for text in texts:
        await response.write(packer.compress(text.encode()) if packer else text.encode())
    if packer:
        await response.write(packer.flush())
    await response.write_eof()
    return response
