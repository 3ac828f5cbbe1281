"""What the handlers share: typed keys of the application, the owner of a request, bodies."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from pydantic import BaseModel

from core import owners
from core.db import Pool
from core.hints import Hints
from core.model import OwnerId
from core.problems import Handler, Problem
from core.settings import Settings
from core.storage import Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """Made once when the door opens."""

    settings: Settings
    pool: Pool
    storage: Storage
    hints: Hints
    playback_keys: Mapping[str, bytes]


CONTEXT = web.AppKey("context", Context)
_OWNER: web.RequestKey[OwnerId] = web.RequestKey("owner", OwnerId)
_Body = TypeVar("_Body", bound=BaseModel)


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything below /v1 needs `Authorization: Bearer <api key>`."""
    if request.path.startswith("/v1/"):
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        bearer = scheme.lower() == "bearer" and key.isascii()
        owner = await owners.of_key(request.app[CONTEXT].pool, key.strip()) if bearer else None
        if owner is None:
            raise Problem(
                401, "unauthenticated", "The API key is missing or unknown.", hint="Send Authorization: Bearer <key>."
            )
        request[_OWNER] = owner
    return await handler(request)


def owner_of(request: web.Request) -> OwnerId:
    return request[_OWNER]


async def body_of(request: web.Request, model: type[_Body]) -> _Body:
    """The JSON body as `model`; no body is an empty object. Raises Problem or ValidationError."""
    raw = await request.read()
    try:
        value = json.loads(raw) if raw.strip() else {}
    except (ValueError, RecursionError) as exc:
        raise Problem(400, "not_json", "The body is not JSON.") from exc
    if not isinstance(value, dict):
        raise Problem(422, "invalid", "The body is not a JSON object.")
    return model.model_validate(value)


def answer(value: object, status: int = 200, **more: Any) -> web.Response:
    """`{"data": value, ...}`, never cached."""
    return web.json_response({"data": value, **more}, status=status, headers={"Cache-Control": "no-store"})


def not_found(what: str) -> Problem:
    """Also for what is another owner's."""
    return Problem(404, "not_found", f"There is no such {what}.")
