"""What HTTP servers of Kadr do beside their handlers: how they end, what is not HTTP, headers that tell too much.

aiohttp logs a request that it cannot parse with its bytes, an API key in them included, and with a traceback. Here it
is answered as any other mistake of a client, and nothing is logged.
"""

from http import HTTPStatus

from aiohttp import hdrs, web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from core.http import problems
from core.http.problems import Problem
from core.telemetry.logs import Log

_LOG = Log("http")


class _Nameless(web.Response):
    """A response without the name and version of the server's software."""

    async def _prepare_headers(self) -> None:
        await super()._prepare_headers()
        self.headers.popall(hdrs.SERVER, None)


def serve(app: web.Application, host: str, port: int, *, drain_s: float, reuse_port: bool | None = None) -> None:
    """Serve an application until SIGTERM or Ctrl-C. Blocks.

    New connections are refused from then on, open requests have `drain_s` to end, and cancelled ones as long again.
    """
    web.run_app(
        app,
        host=host,
        port=port,
        reuse_port=reuse_port,
        backlog=1024,
        print=None,
        access_log=None,
        shutdown_timeout=drain_s,
        handler_cancellation=True,
    )


def harden(app: web.Application) -> None:
    """For each application that is served: how its server answers what does not reach a handler. Before it starts."""
    app.on_response_prepare.append(_without_server_header)
    RequestHandler.handle_error = _handle_error  # type: ignore[assignment, method-assign]  # aiohttp has no setting for it


async def _without_server_header(_: web.BaseRequest, response: web.StreamResponse) -> None:
    response.headers.popall(hdrs.SERVER, None)


def _handle_error(
    handler: RequestHandler,
    request: web.BaseRequest,
    status: int = HTTPStatus.INTERNAL_SERVER_ERROR,
    exc: BaseException | None = None,
    message: str | None = None,
) -> web.StreamResponse:
    """In place of aiohttp's: the response to a request that failed outside the application, whose connection ends."""
    if isinstance(exc, HttpProcessingError):
        problem = Problem(400, "malformed_request", "The request is not valid HTTP.")
    else:
        _LOG.error("request.failed_outside", exc)
        problem = Problem(500, "internal_error", "An unexpected error occurred on the server.")
    if request.writer.output_size > 0:
        raise ConnectionError("part of another response has been sent")
    answer = problems.response(problem)
    nameless = _Nameless(status=answer.status, body=answer.body, headers=answer.headers)
    nameless.force_close()
    return nameless
