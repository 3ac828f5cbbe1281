"""The watch page: one video with its title."""

from aiohttp import web

from core.http.problems import Problem
from origin.context import CONTEXT
from origin.pages.facts import facts
from origin.pages.page import language, page, refusal, start_of
from origin.playback import sessions
from studio.texts import text_in

routes = web.RouteTableDef()


@routes.get("/watch")
@routes.get("/watch/")
async def choose(request: web.Request) -> web.Response:
    """A form for a playback id, which leads to its watch page."""
    if wanted := request.query.get("id", "").strip():
        raise web.HTTPFound(request.app.router["watch"].url_for(playback_id=wanted))
    return page(request, "choose.html", title=text_in(language(request))("watch.choose"))


@routes.get("/watch/{playback_id}", name="watch")
async def watch(request: web.Request) -> web.Response:
    """The player, or why the video cannot be played. The title's name is shown only to those who may watch it.

    `t` of the query is where playback starts, in seconds. `consent=none` keeps the player from storing the position.
    """
    context, token = request.app[CONTEXT], request.query.get("token")
    try:
        visitor = await sessions.admitted(request, page=context.settings.origin_base)
        known = await facts(context, visitor, token)
    except Problem as exc:
        return refusal(request, exc)
    attributes = {
        "consent": "functional" if request.query.get("consent") != "none" else None,
        "start-time": start_of(request.query.get("t")),
    }
    return page(request, "watch.html", title=known["title"], facts=known, token=token, attributes=attributes)
