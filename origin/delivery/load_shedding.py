"""Load shedding: answer 503 with Retry-After early where too many requests are in flight, instead of delaying all.

A request counts once its body is there (core.http.request_bodies): clients that send theirs slowly shed nobody.
Files are refused first: a player requests a segment again. Requests that start or steer playback are refused only at
twice as many, health checks never.
"""

from aiohttp import web
from aiohttp.typedefs import Middleware

from core.http import problems
from core.http.problems import Handler, Problem
from core.telemetry import metrics

FILES = ("/s/", "/v/")
NEVER_SHED = ("/health/",)
RETRY_AFTER_S = 1


def middleware(max_requests: int) -> Middleware:
    """Refuses files beyond `max_requests` in flight in this process, counted until their last byte is sent."""
    in_flight = 0

    @web.middleware
    async def shed(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal in_flight
        if in_flight >= max_requests and not request.path.startswith(NEVER_SHED):
            limit = max_requests if request.path.startswith(FILES) else 2 * max_requests
            if in_flight >= limit:
                metrics.SHED.inc()
                refusal = Problem(503, "busy", "This server has too many viewers at the moment.", hint="Try again.")
                return problems.response(refusal, {"Retry-After": str(RETRY_AFTER_S)})
        in_flight += 1
        try:
            return await handler(request)
        finally:
            in_flight -= 1

    return shed
