"""An id for every HTTP request: in its answer (X-Request-Id) and in the log lines about it. The same for its trace.

Not in the body: what is refused to somebody reads like what does not exist, to the last byte.
"""

import re
import secrets

from aiohttp import web

from core.http.problems import Handler, route
from core.telemetry import spans, trace
from core.telemetry.logs import REQUEST_ID

HEADER = "X-Request-Id"
_ID: web.RequestKey[str] = web.RequestKey("request_id", str)
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")  # of a proxy or client; anything else could forge a log line


def add_to(app: web.Application) -> None:
    """Give every request of the application an id. Call it after all other middlewares have been added."""
    app.middlewares.insert(0, _middleware)
    app.on_response_prepare.append(_add_header)


@web.middleware
async def _middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    sent = request.headers.get(HEADER, "")
    request[_ID] = sent if _ACCEPTED.fullmatch(sent) else secrets.token_hex(8)
    token = REQUEST_ID.set(request[_ID])
    try:
        with trace.following(trace.of_header(request.headers.get(trace.HEADER, "")) or trace.new()):
            return await _answered(request, handler)
    finally:
        REQUEST_ID.reset(token)


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The handler's answer, as a span: named by the pattern of its route, never by its path."""
    with spans.span(f"{request.method} {route(request)}", request.headers, request_id=request[_ID]):
        response = await handler(request)
        failed = f"{response.status}" if response.status >= 500 else None
        spans.note(failed=failed, status=response.status)
        return response


async def _add_header(request: web.Request, response: web.StreamResponse) -> None:
    """Not in the middleware: a streamed response has sent its headers by the time its handler returns.

    Files that never change have none: caches keep them with their headers, and would hand one viewer's id to all.
    """
    if "immutable" in response.headers.get("Cache-Control", ""):
        return
    response.headers[HEADER] = request.get(_ID) or secrets.token_hex(8)
