"""The library: an owner's titles with their pictures and states, to search, filter and delete."""

from typing import Any

from aiohttp import web

from core.db import assets
from core.db.assets import Filters
from core.model import AssetStatus
from ingest import assets as api
from ingest.bodies.asset_response import shown
from ingest.bodies.fields import ref_pair
from ingest.bodies.requests import AssetQuery
from ingest.context import CONTEXT, owner_of
from ingest.studio import shell

routes = web.RouteTableDef()
STATES = tuple(status.value for status in AssetStatus)
PER_PAGE = 24


@routes.get("/studio/library")
async def library(request: web.Request) -> web.Response:
    """A page of titles, newest first."""
    context, owner = request.app[CONTEXT], owner_of(request)
    given = {name: value for name, value in request.query.items() if value and name in AssetQuery.model_fields}
    query = AssetQuery.model_validate({**given, "limit": PER_PAGE})
    filters = Filters(status=query.status, ref=ref_pair(query.ref), q=query.q)
    rows = await assets.page(context.pool, owner, query.cursor, query.limit + 1, filters)
    listed = [shown(context, one).model_dump(mode="json") for one in rows[: query.limit]]
    following = rows[query.limit - 1].id if len(rows) > query.limit else None
    return shell.show(
        request,
        "library.html",
        title=shell.texts(request)("studio.library"),
        assets=listed,
        states=STATES,
        filters={"q": query.q or "", "status": query.status or "", "ref": request.query.get("ref", "")},
        following=following,
        deleted=request.query.get("deleted"),
    )


@routes.post("/studio/library/delete")
async def delete(request: web.Request) -> web.Response:
    """Ask whether the chosen titles are to be deleted, and delete them once that was confirmed."""
    context, owner = request.app[CONTEXT], owner_of(request)
    form = await request.post()
    chosen = [str(ident) for ident in form.getall("asset", [])][:PER_PAGE]
    found: list[Any] = [one for ident in chosen if (one := await assets.of_owner(context.pool, ident, owner))]
    if not found:
        raise web.HTTPSeeOther("/studio/library")
    if form.get("confirmed") != "yes":
        listed = [shown(context, one).model_dump(mode="json") for one in found]
        return shell.show(request, "delete.html", title=shell.texts(request)("studio.delete_title"), assets=listed)
    for one in found:
        await api.delete_asset(context, one)
    raise web.HTTPSeeOther(f"/studio/library?deleted={len(found)}")
