"""The library: an owner's titles with their pictures and states, to search, filter and delete."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from pydantic import ValidationError

from core.db import assets
from core.db.assets import Asset, Sort
from core.http.problems import Problem, from_validation
from core.model import AssetStatus
from ingest import assets as api
from ingest.bodies.asset_response import shown
from ingest.bodies.requests import AssetQuery
from ingest.context import CONTEXT, owner_of, reads_of
from ingest.studio import shell

routes = web.RouteTableDef()
STATES = tuple(status.value for status in AssetStatus)
SORTS = tuple(sort.value for sort in Sort)
PER_PAGE = 24


@routes.get("/studio/library")
async def library(request: web.Request) -> web.Response:
    """A page of titles, newest first if nothing else is asked for. A wrong filter is told, and finds nothing."""
    given = {name: value for name, value in request.query.items() if value and name in AssetQuery.model_fields}
    try:
        query = AssetQuery.model_validate({**given, "limit": PER_PAGE})
        found, following = await api.listed(await reads_of(request), owner_of(request), query)
    except ValidationError as exc:
        return _page(request, problem=shell.refused(request, from_validation(exc)))
    except Problem as exc:
        return _page(request, problem=shell.refused(request, exc))
    return _page(request, found, following)


def _page(
    request: web.Request, found: Sequence[Asset] = (), following: str | None = None, problem: str | None = None
) -> web.Response:
    filters = {name: request.query.get(name, "") for name in ("q", "status", "ref")}
    sort = request.query.get("sort") or SORTS[0]
    more = {**filters, "sort": sort, "cursor": following or ""}
    return shell.show(
        request,
        "library.html",
        status=200 if problem is None else 422,
        title=shell.texts(request)("studio.library"),
        assets=[shown(request.app[CONTEXT], one).model_dump(mode="json") for one in found],
        states=STATES,
        sorts=SORTS,
        filters={**filters, "sort": sort},
        following=urlencode(more) if following else None,
        deleted=request.query.get("deleted"),
        is_first=not request.query.get("cursor"),
        problem=problem,
    )


@routes.post("/studio/library/delete")
async def delete(request: web.Request) -> web.Response:
    """Ask whether the chosen titles are to be deleted, and delete them once that was confirmed."""
    context, owner = request.app[CONTEXT], owner_of(request)
    form = await request.post()
    chosen = [str(ident) for ident in form.getall("asset", [])][:PER_PAGE]
    found: list[Any] = [one for ident in chosen if (one := await assets.of_owner(context.pool, ident, owner))]
    if not found:
        raise web.HTTPSeeOther("/studio/library?deleted=0")
    if form.get("confirmed") != "yes":
        listed = [shown(context, one).model_dump(mode="json") for one in found]
        return shell.show(
            request,
            "delete.html",
            title=shell.texts(request)("studio.delete_title"),
            assets=listed,
            back="/studio/library",
        )
    for one in found:
        await api.delete_asset(context, one)
    raise web.HTTPSeeOther(f"/studio/library?deleted={len(found)}")
