"""Too much at once: say so early, with 503 and Retry-After, instead of letting everybody wait.

Files are refused first, at `most` requests in flight: a player tries a segment again. What begins or steers playback is
refused only at twice as many, health and metrics never.
"""

from aiohttp import web
from aiohttp.typedefs import Middleware

from core import metrics, problems
from core.problems import Handler, Problem

FILES = ("/s/", "/v/")
ALWAYS = ("/health/", "/metrics")
RETRY_AFTER_S = 1


def middleware(most: int) -> Middleware:
    """Counts what is in flight in this process, the sending of bytes included."""
    in_flight = 0

    @web.middleware
    async def shed(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal in_flight
        if in_flight >= most and not request.path.startswith(ALWAYS):
            limit = most if request.path.startswith(FILES) else 2 * most
            if in_flight >= limit:
                metrics.SHED.inc()
                refusal = Problem(503, "busy", "Too many are watching through this server.", hint="Try again.")
                return problems.response(refusal, {"Retry-After": str(RETRY_AFTER_S)})
        in_flight += 1
        try:
            return await handler(request)
        finally:
            in_flight -= 1

    return shed
