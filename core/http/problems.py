"""RFC 9457 problem details for API and origin: one exception, one middleware."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from core.db import postgres
from core.errors import Transient
from core.telemetry.logs import Log

_LOG = Log("http")
_UNAVAILABLE: tuple[type[Exception], ...] = (Transient, *postgres.UNAVAILABLE)
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


MOST_FAULTS = 20  # that one answer names


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One of the things that are wrong with a request: a JSON pointer to it, a stable code and a sentence."""

    pointer: str
    code: str
    detail: str


class Problem(Exception):
    """An HTTP error response: status, a stable code, a sentence, a hint what to do about it, and all faults found."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        hint: str | None = None,
        pointer: str | None = None,
        faults: Sequence[Fault] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.hint = hint
        self.pointer = pointer
        self.faults = tuple(faults)


_TITLES = {
    400: "Bad request",
    401: "Not authenticated",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    408: "Request timeout",
    409: "Conflict",
    410: "Gone",
    412: "Precondition failed",
    413: "Content too large",
    422: "Unprocessable content",
    428: "Precondition required",
    429: "Too many requests",
    500: "Internal error",
    503: "Service unavailable",
}


def response(problem: Problem, headers: dict[str, str] | None = None) -> web.Response:
    """The application/problem+json response of a problem, which caches must not store."""
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
    if problem.faults:
        body["errors"] = [asdict(fault) for fault in problem.faults]
    return web.Response(
        status=problem.status,
        text=json.dumps(body),
        content_type="application/problem+json",
        headers={"Cache-Control": "no-store", **_what_next(problem), **(headers or {})},
    )


def _what_next(problem: Problem) -> dict[str, str]:
    """RFC 9110, 15.5.2: a 401 says how to authenticate. What may work in a moment says in which (10.2.3)."""
    match problem.status:
        case 401:
            return {"WWW-Authenticate": 'Bearer realm="kadr"'}
        case 429 | 503:
            return {"Retry-After": "2"}
        case _:
            return {}


def invalid(message: str, pointer: str) -> PydanticCustomError:
    """For validators of a whole body: an error about the field at the JSON pointer, answered as 422 `invalid`."""
    return PydanticCustomError("invalid", "{message}", {"message": message, "pointer": pointer})


def from_validation(exc: ValidationError) -> Problem:
    """Every validation error of a body or query (at most MOST_FAULTS), each with a JSON pointer to its field."""
    found = exc.errors(include_url=False, include_input=False)
    faults = [_fault(error) for error in found[:MOST_FAULTS]]
    details = [fault.detail for fault in faults]
    if unnamed := len(found) - len(faults):
        details.append(f"There are {unnamed} more.")
    codes = {fault.code for fault in faults}
    return Problem(
        422,
        codes.pop() if len(codes) == 1 else "invalid",
        " ".join(detail if detail.endswith(".") or len(details) == 1 else f"{detail}." for detail in details),
        pointer=faults[0].pointer,
        faults=faults,
    )


def _fault(error: ErrorDetails) -> Fault:
    if error["type"] == "invalid":
        return Fault(pointer=error["ctx"]["pointer"], code="invalid", detail=error["msg"])
    path = [str(part)[:200].replace("~", "~0").replace("/", "~1") for part in error["loc"] if part != "[key]"]
    pointer = "".join(f"/{part}" for part in path)
    if error["type"] == "extra_forbidden":
        name = str(error["loc"][-1])[:200]
        return Fault(pointer=pointer, code="unknown_field", detail=f"Unknown field {name!r}.")
    return Fault(pointer=pointer, code="invalid", detail=f"{pointer or 'The request'}: {error['msg']}")


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn every error of a handler into a problem; unexpected ones are logged and answered as a bare 500."""
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
        problem = Problem(503, "unavailable", "The service is temporarily unavailable.", hint="Try again in a moment.")
        return response(problem, {"Retry-After": "2"})
    except Exception as exc:  # noqa: BLE001 - the last line of defence of a server
        _LOG.error("request.failed", exc, method=request.method, route=route(request))
        return response(Problem(500, "internal_error", "An unexpected error occurred on the server."))


def route(request: web.Request) -> str:
    """The route's pattern. Paths can contain tokens, and each would be a time series of its own in metrics."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "?"
