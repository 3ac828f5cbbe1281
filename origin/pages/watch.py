"""The watch page: one video with its title."""

from urllib.parse import urlencode

from aiohttp import web

from core.http.problems import Problem
from core.model import Policy
from origin.context import CONTEXT
from origin.pages.facts import facts
from origin.pages.page import language, page, refusal, start_of
from origin.pages.video_page import video_page
from origin.playback import sessions
from seo import head, meta_tags
from seo.video_page import watch_path
from studio.texts import DEFAULT, LANGUAGES, text_in

routes = web.RouteTableDef()


@routes.get("/watch")
@routes.get("/watch/")
async def choose(request: web.Request) -> web.Response:
    """A form for a playback id, which leads to its watch page."""
    if wanted := request.query.get("id", "").strip():
        raise web.HTTPFound(request.app.router["watch"].url_for(playback_id=wanted))
    return page(request, "choose.html", title=text_in(language(request))("watch.choose"))


@routes.get(f"/{{lang:{'|'.join(sorted(set(LANGUAGES) - {DEFAULT}))}}}/watch/{{playback_id}}")
@routes.get("/watch/{playback_id}", name="watch")
async def watch(request: web.Request) -> web.Response:
    """The player, or why the video cannot be played. The title's name is shown only to those who may watch it.

    `t` of the query is where playback starts, in seconds. `consent=none` keeps the player from storing the position.
    Nothing is counted, and no session begins.
    """
    context, token = request.app[CONTEXT], request.query.get("token")
    try:
        visitor = await sessions.admitted(request, page=context.settings.origin_base)
        known = await facts(context, visitor, token)
        shown = await video_page(context, visitor)
    except Problem as exc:
        return refusal(request, exc)
    if shown.is_listed:  # one address of the picture, here and in everything that engines read
        known["poster_url"] = shown.poster_url
    lang = request.match_info.get("lang") or request.query.get("lang")
    lang = lang if lang in LANGUAGES else DEFAULT
    attributes = {
        "consent": "functional" if request.query.get("consent") != "none" else None,
        "start-time": start_of(request.query.get("t")),
    }
    is_public = visitor.published.policy is Policy.PUBLIC and token is None
    return page(
        request,
        "watch.html",
        lang=lang,
        robots=meta_tags.robots(shown),
        title=shown.title,
        facts=known,
        token=token,
        attributes=attributes,
        shown=shown,
        # Of a title that needs a token, nothing is for others than its viewer.
        described=head.watch_page(shown, lang) if is_public else "",
        paths={one: watch_path(visitor.playback_id, one) + _query(token) for one in LANGUAGES},
    )


def _query(token: str | None) -> str:
    return f"?{urlencode({'token': token})}" if token else ""
