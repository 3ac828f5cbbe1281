"""Routes for liveness, readiness and the documents that describe the API and its events."""

import asyncio

from aiohttp import web

from core.concurrency import within
from core.db import postgres
from core.errors import Transient
from core.http import front_page, openapi_document
from core.http.front_page import Way
from ingest.bodies import responses
from ingest.context import CONTEXT, Context, answer
from ingest.openapi import operation

routes = web.RouteTableDef()


@routes.get("/")
async def front(request: web.Request) -> web.Response:
    """A page that leads on: to the studio, the description of the API, the watch page and the documentation."""
    ways = (
        Way(name="Studio", sentence="Your videos in the browser.", url="/studio/"),
        Way(
            name="API",
            sentence="Every call, as OpenAPI 3.1. Calls need a key; that of kadr up is in .kadr/endpoints.json.",
            url="/openapi.json",
        ),
        Way(
            name="Watch",
            sentence="The page of a video, by its playback id.",
            url=f"{request.app[CONTEXT].settings.site_base}/watch",
        ),
        Way(name="Events", sentence="Every event, as AsyncAPI 3.0.", url="/asyncapi.json"),
        front_page.DOCS,
        Way(name="Health", sentence="Whether uploads can be accepted.", url="/health/ready"),
    )
    return front_page.response("Kadr API", "Uploads, processing and the library of videos.", ways)


@routes.get("/health/live")
@operation(responses.Alive)
async def live(_: web.Request) -> web.Response:
    """Liveness: the process is running."""
    return answer(responses.Alive(status="ok"))


@routes.get("/health/ready")
@operation(responses.Health, errors=(503,))
async def ready(request: web.Request) -> web.Response:
    """Readiness: 200 while uploads can be accepted. Redis and the replica are reported, but nobody waits for them."""
    context = request.app[CONTEXT]
    database, storage, redis = await asyncio.gather(_database(context), _storage(context), context.hints.ping())
    good = database and storage
    parts = {"postgresql": database, "storage": storage, "redis": redis}
    if context.replica is not None:
        parts["replica"] = context.replica.is_used
    return answer(responses.Health(status="ok" if good else "unavailable", parts=parts), status=200 if good else 503)


@routes.get("/openapi.json")
async def openapi(request: web.Request) -> web.Response:
    """OpenAPI 3.1 document of this API."""
    return openapi_document.served(request)


@routes.get("/asyncapi.json")
async def asyncapi(request: web.Request) -> web.Response:
    """AsyncAPI 3.0 document of the events."""
    return openapi_document.served(request, openapi_document.EVENTS)


async def _database(context: Context) -> bool:
    try:
        return bool(await within(2, context.pool.fetchval("SELECT true")))
    except postgres.UNAVAILABLE:
        return False


async def _storage(context: Context) -> bool:
    try:
        async with asyncio.timeout(2):
            return await context.storage.has_bucket(context.settings.uploads_bucket)
    except (Transient, TimeoutError):
        return False
