"""Routes of usage: what CDNs have delivered of the caller's assets, by the logs that were imported."""

from datetime import UTC, datetime, timedelta

from aiohttp import web

from core.db import usage
from core.http.problems import Problem
from core.model import UsageBy
from ingest.bodies import responses
from ingest.bodies.usage import DAYS, MOST_DAYS, UsageQuery
from ingest.context import answer, owner_of, query_of, reads_of
from ingest.openapi import operation

routes = web.RouteTableDef()


@routes.get("/v1/usage")
@operation(responses.UsageShape, listing=True, query=UsageQuery)
async def show(request: web.Request) -> web.Response:
    """List what was delivered by day, oldest first; days without any are left out.

    CDNs write their logs within hours, and whoever runs this installation imports them: the last day grows.
    """
    query = query_of(request, UsageQuery)
    until = query.until or datetime.now(UTC).date()
    since = query.since or until - timedelta(days=DAYS - 1)
    if not 0 <= (until - since).days < MOST_DAYS:
        detail = f"The time is from {since} to {until}; it has to have from 1 to {MOST_DAYS} days."
        raise Problem(422, "invalid", detail, pointer="/since")
    found = await usage.summed(await reads_of(request), UsageBy.DAY, since, until, owner_of(request))
    rows = [
        responses.UsageShape(day=one.name, requests=one.requests, errors=one.errors, bytes=one.bytes) for one in found
    ]
    return answer([row.model_dump(mode="json") for row in rows], next_cursor=None)
