"""What pages for the public say of a title, and whether they may: the form on its page, and the owner's default."""

from aiohttp import web
from pydantic import ValidationError

from core.db import owners
from core.http.problems import Problem, from_validation
from ingest.assets import change_asset, requested_asset
from ingest.bodies.requests import AssetChanges
from ingest.context import CONTEXT, owner_of
from ingest.studio import asset as asset_page
from ingest.studio.listing_form import fields

routes = web.RouteTableDef()


@routes.post("/studio/assets/{asset_id}/{form:listing}")
async def change(request: web.Request) -> web.Response:
    """Store what the form says. Where something is wrong, the page says what."""
    form, asset = await request.post(), await requested_asset(request)
    try:
        body = AssetChanges.model_validate(fields({name: str(value).strip() for name, value in form.items()}))
        await change_asset(request.app[CONTEXT], asset, body)
    except ValidationError as exc:
        return await asset_page.refused(request, from_validation(exc))
    except Problem as exc:
        return await asset_page.refused(request, exc)
    raise web.HTTPSeeOther(f"/studio/assets/{asset.id}?saved=listing#listing")


@routes.post("/studio/account/listing")
async def change_default(request: web.Request) -> web.Response:
    """Store whether search engines may find new titles."""
    form = await request.post()
    await owners.list_by_default(request.app[CONTEXT].pool, owner_of(request), form.get("list_by_default") == "true")
    raise web.HTTPSeeOther("/studio/account?saved=listing")
