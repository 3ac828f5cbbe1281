"""The first page of the studio, and the account: whose it is, and the ways out."""

from aiohttp import web

from core.db import owners
from ingest.context import CONTEXT, owner_of
from ingest.studio import shell
from ingest.studio.library import library
from ingest.studio.session import signed_in
from ingest.studio.sign_in import HOME

routes = web.RouteTableDef()


@routes.get("/studio")
async def without_slash(_: web.Request) -> web.Response:
    """The address as people type it leads to the studio."""
    raise web.HTTPSeeOther(HOME)


@routes.get(HOME)
async def home(request: web.Request) -> web.StreamResponse:
    """The studio begins with the library."""
    signed_in(request)
    return await library(request)


@routes.get("/studio/account")
async def account(request: web.Request) -> web.Response:
    """The owner's name, what holds for new titles, and buttons to sign out."""
    owner = await owners.by_id(request.app[CONTEXT].pool, owner_of(request))
    saved, title = request.query.get("saved"), shell.texts(request)("studio.account")
    return shell.show(request, "account.html", title=title, owner=owner, saved=saved)
