"""Shared by the handlers of the API: application context, who calls, request bodies and responses."""

import hashlib
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel
from redis.asyncio import Redis

from core.db import idempotency, upload_tokens
from core.db.idempotency import KeyReused
from core.db.postgres import Connection, Pool
from core.db.replica import Replica
from core.db.studio_sessions import StudioSession
from core.db.upload_tokens import TokenUsed, UploadToken
from core.db.written import Written
from core.hints import Hints
from core.http.problems import Handler, Problem
from core.model import OwnerId, StepKind
from core.settings import Settings
from core.storage.s3 import Storage
from ingest.openapi import IDEMPOTENCY_KEY
from ingest.remembered import Remembered
from ingest.studio.cookie import SAFE_METHODS

KEY_KNOWN_S = 5.0  # how long a revoked API key, or a session that has ended, may still be accepted
MAX_KEYS_KNOWN = 10_000
FORM_TYPE = "application/x-www-form-urlencoded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Clients and settings of one API process, created at its start."""

    settings: Settings
    pool: Pool
    replica: Replica | None
    written: Written | None  # with a replica only
    storage: Storage
    hints: Hints
    redis: Redis
    playback_keys: Mapping[str, bytes]
    known_keys: Remembered[OwnerId] = field(default_factory=lambda: Remembered(KEY_KNOWN_S, MAX_KEYS_KNOWN))
    known_sessions: Remembered[StudioSession] = field(default_factory=lambda: Remembered(KEY_KNOWN_S, MAX_KEYS_KNOWN))

    async def hint(self, queued: list[tuple[str, StepKind]]) -> None:
        """Wake workers for these steps. To be called after the commit."""
        for step, kind in queued:
            await self.hints.send(step, kind)


CONTEXT = web.AppKey("context", Context)
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """For whom a request acts, and by which credentials.

    `key_prefix`: of the API key behind them; None: there is none, as with a session that was made from a link.
    """

    owner: OwnerId
    key_prefix: str | None
    upload_token: UploadToken | None = None

    @property
    def accountable(self) -> str:
        """Whose requests count together: all of an owner, but those with an upload token by themselves."""
        return self.upload_token.digest.hex() if self.upload_token else self.owner


CALLER: web.RequestKey[Caller] = web.RequestKey("caller", Caller)


def caller_of(request: web.Request) -> Caller:
    """Whoever the request was authenticated as."""
    return request[CALLER]


def owner_of(request: web.Request) -> OwnerId:
    """The owner whose credentials the request was authenticated with."""
    return request[CALLER].owner


async def reads_of(request: web.Request) -> Pool:
    """Where a request reads: from the replica, once that has all that its owner has written. Writes read the primary.

    A decision to write must not be made by what was true a moment ago.
    """
    context = request.app[CONTEXT]
    if context.replica is None or context.written is None or request.method not in SAFE_METHODS:
        return context.pool
    return context.replica.reads(await context.written.position_of(owner_of(request)))


@web.middleware
async def note_writes(request: web.Request, handler: Handler) -> web.StreamResponse:
    """After a request that may have written, whatever its answer: its owner sees that from the next read on."""
    try:
        return await handler(request)
    finally:
        written = request.app[CONTEXT].written
        if written is not None and request.method not in SAFE_METHODS and CALLER in request:
            await written.note(request[CALLER].owner)


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
    """Run `make` in a transaction, once per Idempotency-Key: (id of the resource, whether this call created it).

    With an upload token it runs once in all, whatever the key: a page may not use those of the owner's requests.
    """
    key = request.headers.get("Idempotency-Key")
    if key is not None and not re.fullmatch(IDEMPOTENCY_KEY, key):
        detail = "Idempotency-Key must be 1 to 255 printable ASCII characters."
        raise Problem(422, "invalid", detail, hint="Send a new UUID for each new request.")
    request_text = f"{request.method} {request.path}\n".encode() + await request.read()
    request_hash = hashlib.sha256(request_text).hexdigest()
    pool, caller = request.app[CONTEXT].pool, caller_of(request)
    try:
        if caller.upload_token is not None:
            return await upload_tokens.once(pool, caller.upload_token.digest, request_hash, make)
        return await idempotency.once(pool, caller.owner, key, request_hash, make)
    except KeyReused as exc:
        raise Problem(422, "idempotency_key_reused", str(exc), hint="Use a new key for a new request.") from exc
    except TokenUsed as exc:
        raise Problem(409, "upload_token_used", str(exc), hint="Ask the owner's application for a new token.") from exc


def answer(shape: BaseModel | list[Any], status: int = 200, **more: Any) -> web.Response:
    """JSON response `{"data": ..., **more}` that must not be cached."""
    data = shape.model_dump(mode="json") if isinstance(shape, BaseModel) else shape
    return web.json_response({"data": data, **more}, status=status, headers={"Cache-Control": "no-store"})


def not_found(what: str) -> Problem:
    """Problem(404), also for resources of another owner."""
    return Problem(404, "not_found", f"There is no such {what}.")
