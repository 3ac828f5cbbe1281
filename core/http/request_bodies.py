"""Request bodies, read whole before their handler begins: within a deadline, a bounded number and bounded memory.

In: requests of an aiohttp application. Out: the same with their bodies read. A body that does not come in time is
answered 408, one that is too large 413, one too many of an address or owner 429, and 503 where no memory becomes free.
What is counted after this middleware counts no request whose client has yet to send it: sending slowly holds up nobody.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp import web
from aiohttp.typedefs import Middleware

from core.concurrency import Budget
from core.http.client_address import address_of, home_of
from core.http.problems import Handler, Problem
from core.settings import Settings

KIB = 1024
BODY_S = 10.0  # for a body of any size, and on top one second for each
LEAST_BYTES_PER_S = 64 * KIB
MOST_UNFINISHED = 256  # of one address, and of one owner
SMALL_BYTES = 64 * KIB  # a body up to here takes nothing from the budget
BUDGET_BYTES = 64 * KIB * KIB  # for the other bodies of one process, until they are answered; an owner gets half of it
WAIT_FOR_MEMORY_S = 15.0
_ROOM = "__kadr_body_room__"
_Handler = TypeVar("_Handler", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How large the body of a route may be, and what to do about one that is larger."""

    most_bytes: int
    hint: str | None = None


def roomy(most_bytes: int, hint: str | None = None) -> Callable[[_Handler], _Handler]:
    """Decorator of a handler that takes larger bodies than the others of its application."""

    def mark(handler: _Handler) -> _Handler:
        setattr(handler, _ROOM, Room(most_bytes=most_bytes, hint=hint))
        return handler

    return mark


def middleware(
    settings: Settings,
    most_bytes: int,
    owner_of: Callable[[web.Request], str | None] = lambda request: None,
    *,
    body_s: float = BODY_S,
) -> Middleware:
    """Reads the bodies of requests to known routes, `most_bytes` each where the route has no other room.

    `owner_of` says who has authenticated; only bodies of owners may be large.
    """
    unfinished = _Unfinished()
    memory = _Memory()

    @web.middleware
    async def read_bodies(request: web.Request, handler: Handler) -> web.StreamResponse:
        if not request.body_exists or request.match_info.http_exception is not None:
            return await handler(request)
        room: Room = getattr(request.match_info.handler, _ROOM, None) or Room(most_bytes=most_bytes)
        announced = request.content_length
        if announced is not None and announced > room.most_bytes:
            raise _too_large(room)
        size = room.most_bytes if announced is None else announced
        owner = owner_of(request)
        address = address_of(request.remote, request.headers.get("X-Forwarded-For", ""), settings.trusted_proxies)
        async with memory.held(owner, size):
            with unfinished.one(home_of(address), owner):
                complete = await _read(request, room, body_s + size / LEAST_BYTES_PER_S)
            return await handler(complete)

    return read_bodies


async def _read(request: web.Request, room: Room, within_s: float) -> web.Request:
    """The request with its body read. Raises Problem 408 or 413."""
    complete = request.clone(client_max_size=room.most_bytes)
    try:
        async with asyncio.timeout(within_s):
            await complete.read()
    except TimeoutError as exc:
        detail = f"The body did not arrive within {within_s:.0f} seconds."
        raise Problem(408, "body_too_slow", detail, hint="Send the request again, over a better connection.") from exc
    except web.HTTPRequestEntityTooLarge as exc:
        raise _too_large(room) from exc
    except ConnectionError as exc:  # nobody is there to read this, but an operator should not be told of an outage
        raise Problem(400, "body_incomplete", "The connection was closed before the body was complete.") from exc
    return complete


def _too_large(room: Room) -> Problem:
    detail = f"The body is larger than {room.most_bytes} bytes."
    return Problem(413, "request_entity_too_large", detail, hint=room.hint)


class _Unfinished:
    """How many bodies are being read, by address and owner."""

    def __init__(self) -> None:
        self._reading: Counter[str] = Counter()

    @contextmanager
    def one(self, address: str, owner: str | None) -> Iterator[None]:
        """Count one while the body runs. Raises Problem 429 for one too many."""
        keys = [f"address {address}", *([f"owner {owner}"] if owner is not None else [])]
        if any(self._reading[key] >= MOST_UNFINISHED for key in keys):
            hint = "Send fewer requests at once."
            raise Problem(429, "too_many_bodies", "Too many requests are being sent at once.", hint=hint)
        self._reading.update(keys)
        try:
            yield
        finally:
            self._reading.subtract(keys)
            for key in keys:
                if not self._reading[key]:
                    del self._reading[key]


class _Memory:
    """Bytes of large bodies that are in memory: a budget for all, and half as much for each owner."""

    def __init__(self) -> None:
        self._all = Budget(BUDGET_BYTES)
        self._shares: dict[str, Budget] = {}

    @asynccontextmanager
    async def held(self, owner: str | None, size_bytes: int) -> AsyncIterator[None]:
        """Hold so many bytes while the body runs. Raises Problem 503 where they do not become free in time."""
        if owner is None or size_bytes <= SMALL_BYTES:
            yield
            return
        share = self._shares.setdefault(owner, Budget(BUDGET_BYTES // 2))
        async with AsyncExitStack() as holding:
            try:
                async with asyncio.timeout(WAIT_FOR_MEMORY_S):
                    await holding.enter_async_context(share.hold(size_bytes))
                    await holding.enter_async_context(self._all.hold(size_bytes))
            except TimeoutError as exc:
                hint = "Send fewer large bodies at once."
                raise Problem(503, "busy", "Too many large bodies are being sent at the moment.", hint=hint) from exc
            yield
        if share.is_free and self._shares.get(owner) is share:
            del self._shares[owner]
