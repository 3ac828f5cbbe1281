"""All listed titles, page by page: what crawlers follow, and people who look around."""

import re
from urllib.parse import urlencode

from aiohttp import web

from core.db import listed
from core.http.problems import Problem
from origin.context import CONTEXT
from origin.pages.page import page
from seo.meta_tags import LISTED
from seo.sites import sites_of
from seo.video_page import of_listed
from studio.texts import DEFAULT, LANGUAGES, text_in

routes = web.RouteTableDef()
PER_PAGE = 48
MOST_TAG_CHARS = 50
_ASSET = re.compile(r"as_[0-9a-z]{26}", re.ASCII)
_OWNER = re.compile(r"ow_[0-9a-zA-Z_-]{1,60}", re.ASCII)
OTHERS = "|".join(sorted(set(LANGUAGES) - {DEFAULT}))


@routes.get(f"/{{lang:{OTHERS}}}/videos")
@routes.get("/videos")
async def videos(request: web.Request) -> web.Response:
    """Listed titles, newest first, with links to all of them.

    Query: `owner` and `tag` for those of an owner or with a tag, `after` the last title of the page before.
    """
    context, query = request.app[CONTEXT], request.query
    lang = request.match_info.get("lang", DEFAULT)
    owner, after, tag = query.get("owner"), query.get("after"), query.get("tag")
    for value, form, name in ((owner, _OWNER, "owner"), (after, _ASSET, "after")):
        if value is not None and form.fullmatch(value) is None:
            raise _no_such_page(name)
    if (tag is not None and not 0 < len(tag) <= MOST_TAG_CHARS) or (tag and "\x00" in tag):
        raise _no_such_page("tag")
    titles = await listed.newest(context.pool, before=after, owner_id=owner, tag=tag, limit=PER_PAGE + 1)
    sites = sites_of(context.settings)
    shown, has_more = titles[:PER_PAGE], len(titles) > PER_PAGE
    filters = {name: value for name, value in (("owner", owner), ("tag", tag)) if value}
    path = "/videos" if lang == DEFAULT else f"/{lang}/videos"
    here = f"{path}?{urlencode({**filters, **({'after': after} if after else {})})}".rstrip("?")
    following = f"{path}?{urlencode({**filters, 'after': shown[-1].asset_id})}" if has_more else None
    text = text_in(lang)
    return page(
        request,
        "videos.html",
        lang=lang,
        robots=LISTED if shown else "noindex",
        title=text("videos.tagged", tag=tag) if tag else text("videos.all"),
        part=shown[0].title if after and shown else None,  # no two pages have the same name
        pages=[of_listed(sites, title) for title in shown],
        owners={title.playback_id: title.owner_id for title in shown},
        canonical=sites.pages + here,
        following=following,
        is_filtered=bool(filters),
        path=path,
    )


def _no_such_page(name: str) -> Problem:
    return Problem(404, "not_found", f"There is no page with this {name}.", hint="/videos has all.")
