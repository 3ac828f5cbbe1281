"""Routes that take an asset down, at once and on all CDNs, and restore it. Its files and its history stay."""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from core.db import assets, revocations, steps
from core.model import StepKind, new_id
from core.storage import keys
from ingest.assets import requested_asset
from ingest.bodies import responses
from ingest.bodies.asset_response import shown
from ingest.context import CONTEXT, answer
from ingest.openapi import operation

routes = web.RouteTableDef()
FOR_GOOD = timedelta(days=3650)


@routes.post("/v1/assets/{asset_id}/takedown")
@operation(responses.AssetShape, status=202, errors=(404,))
async def take_down(request: web.Request) -> web.Response:
    """Take an asset down: no token plays it any more, and the CDNs are purged.

    CDNs without a purge lose it within the hour, unless the operator has set another time.
    """
    context, asset = request.app[CONTEXT], await requested_asset(request)
    now = datetime.now(UTC)
    subject, until = revocations.asset(asset.id), now + FOR_GOOD
    step = None
    async with context.pool.acquire() as connection, connection.transaction():
        await revocations.insert(connection, subject, until)
        if await assets.take_down(connection, asset.id, asset.owner_id, down=True):
            # A new step for each takedown.
            purge = {"prefix": keys.public_prefix(asset.id), "again": new_id("st")}
            step = await steps.insert(connection, asset.id, StepKind.PURGE, purge)
    await revocations.announce(context.redis, subject, until.timestamp(), now.timestamp())
    if step:
        await context.hint([(step, StepKind.PURGE)])
    return answer(shown(context, await requested_asset(request)), status=202)


@routes.delete("/v1/assets/{asset_id}/takedown")
@operation(responses.AssetShape, errors=(404,))
async def put_back(request: web.Request) -> web.Response:
    """Restore an asset that was taken down, under the same playback ids."""
    context, asset = request.app[CONTEXT], await requested_asset(request)
    subject = revocations.asset(asset.id)
    async with context.pool.acquire() as connection, connection.transaction():
        await revocations.remove(connection, subject)
        await assets.take_down(connection, asset.id, asset.owner_id, down=False)
    await revocations.withdraw(context.redis, subject)
    return answer(shown(context, await requested_asset(request)))
