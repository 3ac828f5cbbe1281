"""RFC 9457 problem details for both doors: one exception, one middleware."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from core import db
from core.errors import Transient
from core.logs import Log

_LOG = Log("http")
_UNAVAILABLE: tuple[type[Exception], ...] = (Transient, *db.UNAVAILABLE)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Problem(Exception):
    """An answer that says what is wrong: HTTP status, a stable code, a sentence, and what to do about it."""

    def __init__(
        self, status: int, code: str, detail: str, *, hint: str | None = None, pointer: str | None = None
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.hint = hint
        self.pointer = pointer


_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    409: "Conflict",
    410: "Gone",
    412: "Changed meanwhile",
    413: "Too large",
    422: "Not acceptable as it is",
    428: "Say which version",
    500: "Internal error",
    503: "Not available for the moment",
}


def response(problem: Problem, headers: dict[str, str] | None = None) -> web.Response:
    """application/problem+json; never stored by caches."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": _TITLES.get(problem.status, "Error"),
        "status": problem.status,
        "detail": str(problem),
        "code": problem.code,
    }
    for name in ("hint", "pointer"):
        if (value := getattr(problem, name)) is not None:
            body[name] = value
    return web.Response(
        status=problem.status,
        text=json.dumps(body),
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", **_challenge(problem), **(headers or {})},
    )


def _challenge(problem: Problem) -> dict[str, str]:
    """RFC 9110, 15.5.2: a 401 says how to authenticate."""
    return {"WWW-Authenticate": 'Bearer realm="kadr"'} if problem.status == 401 else {}


def invalid(message: str, pointer: str) -> PydanticCustomError:
    """For validators of a whole body: an error about the field at the JSON pointer, answered as 422 `invalid`."""
    return PydanticCustomError("invalid", "{message}", {"message": message, "pointer": pointer})


def from_validation(exc: ValidationError) -> Problem:
    """The first thing wrong with a body, with a JSON pointer to it."""
    first = exc.errors(include_url=False)[0]
    if first["type"] == "invalid":
        return Problem(422, "invalid", first["msg"], pointer=first["ctx"]["pointer"])
    pointer = "/" + "/".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return Problem(422, "unknown_field", f"There is no field {first['loc'][-1]!r} here.", pointer=pointer)
    return Problem(422, "invalid", f"{pointer}: {first['msg']}", pointer=pointer)


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Every error of a handler becomes a problem; what nobody expected is logged and becomes a bare 500."""
    if "\0" in request.path:  # no id holds one, and PostgreSQL takes none
        return response(Problem(404, "not_found", "There is no such page."))
    try:
        return await handler(request)
    except Problem as exc:
        return response(exc)
    except ValidationError as exc:
        return response(from_validation(exc))
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        allow = {"Allow": exc.headers["Allow"]} if "Allow" in exc.headers else {}
        return response(Problem(exc.status, (exc.reason or "error").lower().replace(" ", "_"), exc.reason), allow)
    except _UNAVAILABLE as exc:
        _LOG.warning("request.unavailable", method=request.method, route=route(request), error=repr(exc))
        problem = Problem(503, "unavailable", "A part of the service is not available.", hint="Try again in a moment.")
        return response(problem, {"Retry-After": "2"})
    except Exception as exc:  # noqa: BLE001 - the last line of defence of a server
        _LOG.error("request.failed", exc, method=request.method, route=route(request))
        return response(Problem(500, "internal_error", "Something went wrong on our side."))


def route(request: web.Request) -> str:
    """The route's pattern, not the path: paths can carry tokens, and each would be a series of its own."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "?"
