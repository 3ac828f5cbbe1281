"""Shared by the handlers of the API: application context, authentication, request bodies and responses."""

import hashlib
import json
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel
from redis.asyncio import Redis

from core.db import idempotency, owners
from core.db.idempotency import KeyReused
from core.db.postgres import Connection, Pool
from core.hints import Hints
from core.http.problems import Handler, Problem
from core.model import OwnerId, StepKind
from core.settings import Settings
from core.storage.s3 import Storage
from ingest.openapi import IDEMPOTENCY_KEY

KEY_KNOWN_S = 5.0  # how long a revoked API key may still be accepted
MAX_KEYS_KNOWN = 10_000
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Clients and settings of one API process, created at its start."""

    settings: Settings
    pool: Pool
    storage: Storage
    hints: Hints
    redis: Redis
    playback_keys: Mapping[str, bytes]
    known_keys: dict[bytes, tuple[OwnerId, float]] = field(default_factory=dict)

    async def owner_of_key(self, api_key: str) -> OwnerId | None:
        """Owner of an API key, cached for KEY_KNOWN_S seconds; unknown keys are looked up each time."""
        digest = hashlib.sha256(api_key.encode()).digest()
        owner, until = self.known_keys.get(digest, (None, 0.0))
        if owner is None or time.monotonic() > until:
            owner = await owners.of_key(self.pool, api_key)
            if len(self.known_keys) >= MAX_KEYS_KNOWN:
                self.known_keys.clear()
            self.known_keys.pop(digest, None)
            if owner is not None:
                self.known_keys[digest] = (owner, time.monotonic() + KEY_KNOWN_S)
        return owner

    async def hint(self, queued: list[tuple[str, StepKind]]) -> None:
        """Wake workers for these steps. To be called after the commit."""
        for step, kind in queued:
            await self.hints.send(step, kind)


CONTEXT = web.AppKey("context", Context)
OWNER: web.RequestKey[OwnerId] = web.RequestKey("owner", OwnerId)
_Model = TypeVar("_Model", bound=BaseModel)


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything below /v1 needs `Authorization: Bearer <api key>`."""
    if request.path.startswith("/v1/"):
        owner = await _owner_by_key(request)
        if owner is None:
            raise Problem(
                401, "unauthenticated", "The API key is missing or unknown.", hint="Send Authorization: Bearer <key>."
            )
        request[OWNER] = owner
    return await handler(request)


async def _owner_by_key(request: web.Request) -> OwnerId | None:
    scheme, _, key = request.headers.get("Authorization", "").partition(" ")
    bearer = scheme.lower() == "bearer" and key.isascii()
    return await request.app[CONTEXT].owner_of_key(key.strip()) if bearer else None


async def is_still_authorized(request: web.Request) -> bool:
    """Whether the key of a request that takes long is still valid. Asks PostgreSQL every KEY_KNOWN_S at most."""
    return await _owner_by_key(request) == owner_of(request)


def owner_of(request: web.Request) -> OwnerId:
    """The owner whose credentials the request was authenticated with."""
    return request[OWNER]


def ident(request: web.Request, name: str, what: str) -> str:
    """The id in the path parameter `name`. Raises Problem(404) for text that cannot be an id of a `what`."""
    value = request.match_info[name]
    if not value.isascii() or not value.replace("_", "").isalnum() or len(value) > 64:
        raise not_found(what)
    return value


async def body_of(request: web.Request, model: type[_Model]) -> _Model:
    """The JSON body as `model`, or the fields of a form; no body is an empty object. Raises Problem or ValidationError.

    Only pages of the studio send forms. An empty field is null.
    """
    if request.content_type == FORM_TYPE and request.path.startswith("/studio/"):
        form = await request.post()
        return model.model_validate({name: _field(model, name, str(form[name])) for name in form})
    raw = await request.read()
    try:
        value = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError) as exc:
        raise Problem(400, "not_json", "The body is not valid JSON.") from exc
    if not isinstance(value, dict):
        raise Problem(422, "invalid", "The body is not a JSON object.")
    return model.model_validate(value)


def _field(model: type[BaseModel], name: str, text: str) -> str | list[str] | None:
    """The value of a form's field: a list has one entry on each line."""
    field = model.model_fields.get(name)
    if field is not None and "list" in str(field.annotation):
        return text.split()
    return text.strip() or None


def query_of(request: web.Request, model: type[_Model]) -> _Model:
    """The query string as `model`; the last value counts where a name is repeated."""
    return model.model_validate(dict(request.query))


async def once(request: web.Request, make: Callable[[Connection], Awaitable[str]]) -> tuple[str, bool]:
    """Run `make` in a transaction, once per Idempotency-Key: (id of the resource, whether this call created it)."""
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(IDEMPOTENCY_KEY, key):
        detail = "Idempotency-Key must be 1 to 255 printable ASCII characters."
        raise Problem(422, "invalid", detail, hint="Send a new UUID for each new request.")
    request_text = f"{request.method} {request.path}\n".encode() + await request.read()
    try:
        return await idempotency.once(
            request.app[CONTEXT].pool, owner_of(request), key, hashlib.sha256(request_text).hexdigest(), make
        )
    except KeyReused as exc:
        raise Problem(422, "idempotency_key_reused", str(exc), hint="Use a new key for a new request.") from exc


def answer(shape: BaseModel | list[Any], status: int = 200, **more: Any) -> web.Response:
    """JSON response `{"data": ..., **more}` that must not be cached."""
    data = shape.model_dump(mode="json") if isinstance(shape, BaseModel) else shape
    return web.json_response({"data": data, **more}, status=status, headers={"Cache-Control": "no-store"})


def not_found(what: str) -> Problem:
    """Problem(404), also for resources of another owner."""
    return Problem(404, "not_found", f"There is no such {what}.")
