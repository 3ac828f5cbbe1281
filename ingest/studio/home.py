"""The first page of the studio: whose it is, and the way out."""

from aiohttp import web

from ingest.context import CONTEXT
from ingest.studio import page
from ingest.studio.session import signed_in
from ingest.studio.sign_in import HOME

routes = web.RouteTableDef()


@routes.get("/studio")
async def without_slash(_: web.Request) -> web.Response:
    """The address as people type it leads to the studio."""
    raise web.HTTPSeeOther(HOME)


@routes.get(HOME)
async def home(request: web.Request) -> web.Response:
    """The owner's name, and buttons to sign out."""
    session = signed_in(request)
    site = request.app[CONTEXT].settings.site_base
    return page.page(request, "studio.html", owner=session.owner_name, watch_url=f"{site}/watch")
