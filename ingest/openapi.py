"""/openapi.json, generated from the Pydantic models of bodies and the `operation` decorator of each handler."""

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from core.http.openapi_document import sentences
from core.http.problem_shape import ProblemShape
from ingest import upload_token_scope

_Handler = TypeVar("_Handler", bound=Callable[..., Any])
_Schemas = dict[Any, dict[str, Any]]
_OPERATION = "__kadr_operation__"
IDEMPOTENCY_KEY = "^[!-~]([ -~]{0,253}[!-~])?$"
_DESCRIPTION = (
    "Video uploads, processing and signed HLS playback. Errors are problem details (RFC 9457) with a stable `code`; "
    "every answer has an `X-Request-Id`, which the server's log lines about the request have, too. Players read from "
    "the origin, which has an /openapi.json of its own. Pages of the studio call it with their session's cookie."
)
_NEXT_PAGE = {
    "next_cursor": {
        "type": ["string", "null"],
        "description": "Pass it as `cursor` to get the next page; null on the last one",
    }
}
_WORDS = {
    200: "OK", 201: "Created", 202: "Accepted; processing continues in the background", 204: "No content",
    400: "The body is not JSON", 401: "Missing or unknown credentials", 403: "Not with these credentials",
    404: "Not found", 408: "The body did not arrive in time",
    409: "Conflict with the current state", 410: "No longer there",
    412: "The resource has changed since it was read", 413: "Body too large",
    422: "Validation failed", 428: "The If-Match header is required", 429: "Too many at once",
    503: "Temporarily unavailable",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Request and response of one route. `errors`: statuses beside 401, 403 and 503, which all of /v1 can answer."""

    status: int
    returns: type[BaseModel] | None
    listing: bool
    beside_data: dict[str, Any]  # schemas of what a listing's answer has beside `data`
    body: type[BaseModel] | None
    query: type[BaseModel] | None
    errors: tuple[int, ...]
    media_type: str
    idempotent: bool
    also_takes: tuple[str, ...]  # media types of bodies other than JSON
    with_upload_token: type[BaseModel] | None  # what its bearer gets instead


def operation(
    returns: type[BaseModel] | None,
    *,
    status: int = 200,
    listing: bool = False,
    beside_data: dict[str, Any] | None = None,
    body: type[BaseModel] | None = None,
    query: type[BaseModel] | None = None,
    errors: tuple[int, ...] = (),
    media_type: str = "application/json",
    idempotent: bool = False,
    also_takes: tuple[str, ...] = (),
    with_upload_token: type[BaseModel] | None = None,
) -> Callable[[_Handler], _Handler]:
    """Decorator that records what /openapi.json says about a handler."""

    def mark(handler: _Handler) -> _Handler:
        declared = Operation(
            status=status,
            returns=returns,
            listing=listing,
            beside_data=beside_data or _NEXT_PAGE,
            body=body,
            query=query,
            errors=errors,
            media_type=media_type,
            idempotent=idempotent,
            also_takes=also_takes,
            with_upload_token=with_upload_token,
        )
        setattr(handler, _OPERATION, declared)
        return handler

    return mark


def document(app: web.Application, version: str, server: str = "/") -> dict[str, Any]:
    """OpenAPI 3.1 of every marked route of the application. `server`: its base URL, or / where that is unknown."""
    marked = [
        (route.method, route.resource.canonical, route.handler, getattr(route.handler, _OPERATION))
        for route in app.router.routes()
        if route.resource is not None and route.method != "HEAD" and hasattr(route.handler, _OPERATION)
    ]
    models = {ProblemShape} | {
        m
        for *_, declared in marked
        for m in (declared.returns, declared.body, declared.query, declared.with_upload_token)
        if m
    }
    inputs = {m for *_, declared in marked for m in (declared.body, declared.query) if m}
    names, definitions = models_json_schema(
        [(m, "validation" if m in inputs else "serialization") for m in sorted(models, key=lambda m: m.__name__)],
        ref_template="#/components/schemas/{model}",
    )
    schema_of: _Schemas = {model: schema for (model, _), schema in names.items()}
    paths: dict[str, dict[str, Any]] = {}
    for method, path, handler, declared in marked:
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, handler, declared, schema_of)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Kadr",
            "version": version,
            "description": _DESCRIPTION,
        },
        "servers": [{"url": server}],
        "tags": _tags([handler for _, _, handler, _ in marked]),
        "paths": paths,
        "components": {
            "schemas": {name: _described(schema) for name, schema in definitions.get("$defs", {}).items()},
            "securitySchemes": {
                "key": {"type": "http", "scheme": "bearer", "description": "An API key"},
                "upload_token": {"type": "http", "scheme": "bearer", "description": "A token for one upload, ut_..."},
            },
        },
    }


def _operation(method: str, path: str, handler: Any, declared: Operation, schema_of: _Schemas) -> dict[str, Any]:
    private = path.startswith("/v1/")
    errors = sorted(
        {*declared.errors, *((401, 403, 503) if private else ()), *((400, 408, 413, 422, 429) if declared.body else ())}
    )
    if declared.query or declared.idempotent:
        errors = sorted({*errors, 422})
    problem = {"application/problem+json": {"schema": schema_of[ProblemShape]}}
    result: dict[str, Any] = {"description": _WORDS[declared.status]}
    if declared.returns:
        result["content"] = {declared.media_type: {"schema": _wrapped(declared, schema_of[declared.returns])}}
    elif declared.media_type != "application/json":
        # A stream of events: OpenAPI 3.1 cannot say the schema of each, and one for all of it would be read as that.
        result["content"] = {declared.media_type: {}}
    summary, description = sentences(handler.__doc__)
    if narrow := declared.with_upload_token:
        description = f"{description} With an upload token `data` is an `{narrow.__name__}`.".strip()
    out: dict[str, Any] = {
        "tags": [_tag(handler)],
        "summary": summary,
        **({"description": description} if description else {}),
        "operationId": f"{handler.__module__.rpartition('.')[2]}_{handler.__name__}",
        "parameters": _parameters(path, declared),
        "responses": {
            str(declared.status): result,
            **{str(status): {"description": _WORDS[status], "content": problem} for status in errors},
        },
    }
    if declared.body:
        required = any(field.is_required() for field in declared.body.model_fields.values())
        bodies = {
            "application/json": {"schema": schema_of[declared.body]},
            **{media: {"schema": {"type": "string", "format": "binary"}} for media in declared.also_takes},
        }
        out["requestBody"] = {"required": required, "content": bodies}
    if private:
        by_token = [{"upload_token": list[str]()}] if upload_token_scope.allows(method, path) else []
        out["security"] = [{"key": []}, *by_token]
    return out


def _wrapped(declared: Operation, schema: dict[str, Any]) -> dict[str, Any]:
    data = {"type": "array", "items": schema, "description": "One page"} if declared.listing else schema
    properties: dict[str, Any] = {"data": data}
    if declared.listing:
        properties |= declared.beside_data
    return {"type": "object", "properties": properties, "required": list(properties)}


def _parameters(path: str, declared: Operation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": f"Id of the {name.removesuffix('_id').replace('_', ' ')}",
            "schema": {"type": "string", "pattern": "^[a-z]{2}_[0-9a-z]+$"},
        }
        for name in re.findall(r"{(\w+)}", path)
    ]
    if declared.query:
        schema = declared.query.model_json_schema(ref_template="#/components/schemas/{model}")
        for name, spec in schema["properties"].items():
            inlined = _inlined(spec, schema.get("$defs", {}))
            described = {"description": inlined.pop("description")}
            found.append({"name": name, "in": "query", "required": False, **described, "schema": inlined})
    if declared.idempotent:
        key = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": IDEMPOTENCY_KEY}
        found.append(_header("Idempotency-Key", "Repeats of the request with this key create nothing again", key))
    if 428 in declared.errors:
        found.append(_header("If-Match", "The `etag` of the track that is changed", {"type": "string"}))
    return found


def _header(name: str, description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


def _tag(handler: Any) -> str:
    name: str = handler.__module__.rpartition(".")[2]
    return name.replace("_", " ")


def _tags(handlers: list[Any]) -> list[dict[str, str]]:
    """The modules of the handlers, in their order, each with the first sentence of its docstring."""
    docstrings = {_tag(handler): sys.modules[handler.__module__].__doc__ for handler in handlers}
    return [{"name": name, "description": sentences(docstring)[0]} for name, docstring in docstrings.items()]


def _described(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema of a model; what describes the type of an optional property describes the property."""
    properties = {name: _lifted(spec) for name, spec in schema.get("properties", {}).items()}
    return {**schema, "properties": properties} if properties else schema


def _lifted(spec: dict[str, Any]) -> dict[str, Any]:
    inner = next((option["description"] for option in spec.get("anyOf", []) if "description" in option), None)
    return {**spec, "description": inner} if inner is not None and "description" not in spec else spec


def _inlined(spec: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """A query parameter's schema without null (it cannot be sent) and without references."""
    options = [option for option in spec.get("anyOf", [spec]) if option.get("type") != "null"]
    chosen = dict(options[0])
    if reference := chosen.pop("$ref", None):
        chosen = {**definitions[reference.rpartition("/")[2]], **chosen}
    for name in ("description", "default"):
        if spec.get(name) is not None:
            chosen[name] = spec[name]
    return chosen
