"""Upload tokens: what a page that must not have an API key sends one upload with."""

import time
from datetime import UTC, datetime

from aiohttp import web

from core.db import upload_tokens
from core.db.upload_tokens import Terms
from core.http.problems import route
from ingest import upload_token_scope
from ingest.bodies import responses
from ingest.bodies.fields import ref_pair
from ingest.bodies.requests import NewUploadToken
from ingest.context import CONTEXT, answer, body_of, caller_of
from ingest.openapi import operation

routes = web.RouteTableDef()


@routes.post("/v1/upload_tokens")
@operation(responses.UploadTokenShape, status=201, body=NewUploadToken)
async def create(request: web.Request) -> web.Response:
    """Create a token with which a page or an app sends one upload, without an API key.

    It is sent as Authorization: Bearer ut_... and is good for five calls: create its upload, read, complete and abort
    it, and read its asset, of which only the progress is shown. Pages of `origins` may make them, and no others.
    """
    caller, body = caller_of(request), await body_of(request, NewUploadToken)
    terms = Terms(
        title=body.title,
        ref=ref_pair(body.ref),
        policy=body.policy,
        language=body.language,
        origins=tuple(body.origins),
        max_size_bytes=body.max_size_bytes,
    )
    expires_at = datetime.fromtimestamp(int(time.time()) + body.expires_s, UTC)
    token = await upload_tokens.insert(request.app[CONTEXT].pool, caller.owner, caller.key_prefix, terms, expires_at)
    return answer(responses.UploadTokenShape(token=token, expires_at=expires_at), status=201)


async def preflight(request: web.Request) -> web.Response:
    """Tell a browser which of the calls on this path a page may make with an upload token."""
    origin, path = request.headers.get("Origin"), route(request)
    asked = request.headers.get("Access-Control-Request-Method")
    allowed = origin is not None and upload_token_scope.allows(asked or "", path)
    return web.Response(status=204, headers=upload_token_scope.preflight(origin, path) if origin and allowed else {})


for _path in upload_token_scope.PATHS:
    routes.options(_path)(preflight)
