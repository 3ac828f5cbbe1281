"""Routes of the account: what holds for all assets of the caller."""

from aiohttp import web

from core.db import owners
from ingest.bodies import responses
from ingest.bodies.listing import AccountChanges
from ingest.context import CONTEXT, answer, body_of, owner_of
from ingest.openapi import operation

routes = web.RouteTableDef()


@routes.get("/v1/account")
@operation(responses.AccountShape)
async def show(request: web.Request) -> web.Response:
    """Show the account of this API key."""
    return await _shown(request)


@routes.patch("/v1/account")
@operation(responses.AccountShape, body=AccountChanges)
async def change(request: web.Request) -> web.Response:
    """Change whether search engines may find new assets. Assets that exist stay as they are."""
    body = await body_of(request, AccountChanges)
    if body.list_by_default is not None:
        await owners.list_by_default(request.app[CONTEXT].pool, owner_of(request), body.list_by_default)
    return await _shown(request)


async def _shown(request: web.Request) -> web.Response:
    owner = await owners.by_id(request.app[CONTEXT].pool, owner_of(request))
    return answer(responses.AccountShape(id=owner.id, name=owner.name, list_by_default=owner.list_by_default))
