"""Liveness and readiness: is this program up, and are the parts it stands on."""

import asyncio

from aiohttp import web

from core import db
from core.errors import Transient
from ingest.context import CONTEXT, Context, answer

routes = web.RouteTableDef()


@routes.get("/health/live")
async def live(_: web.Request) -> web.Response:
    return answer({"status": "ok"})


@routes.get("/health/ready")
async def ready(request: web.Request) -> web.Response:
    """200 while uploads can be taken. Redis carries hints only, so its absence is told but is no reason to refuse."""
    context = request.app[CONTEXT]
    database, storage, redis = await asyncio.gather(_database(context), _storage(context), context.hints.ping())
    parts = {"postgresql": database, "storage": storage, "redis": redis}
    good = database and storage
    return answer({"status": "ok" if good else "unavailable", "parts": parts}, status=200 if good else 503)


async def _database(context: Context) -> bool:
    try:
        async with asyncio.timeout(2):
            return bool(await context.pool.fetchval("SELECT true"))
    except db.UNAVAILABLE:
        return False


async def _storage(context: Context) -> bool:
    try:
        async with asyncio.timeout(2):
            return await context.storage.has_bucket(context.settings.uploads_bucket)
    except (Transient, TimeoutError):
        return False
