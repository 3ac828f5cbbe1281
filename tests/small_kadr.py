"""A small HTTP server that answers as Kadr's API and its storage do, and fails when told: for tests of programs that
call them. Uploads are in memory (tests/part_store.py); everything else is answered with what a test has put there.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Literal

from aiohttp import web

from tests.part_store import PartStore

# An HTTP status; or the connection is lost, before the request was seen or after it was carried out.
Fault = int | web.Response | Literal["lost before", "lost after", "hangs"]
KEY = "kadr_test.0123456789"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A request that has come."""

    name: str  # "GET /v1/assets"
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class SmallKadr:
    """`faults`: by the name of a request, such as "PUT /up_1/parts/2", how its next ones fail. `urls_at_once`: parts.

    `answers`: by name, what is answered in turn, the last one for ever; `seen`: every request that was not lost before.
    """

    def __init__(self) -> None:
        self.url = ""
        self.urls_at_once = 200
        self.uploads: dict[str, PartStore] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.answers: dict[str, list[Any]] = defaultdict(list)
        self.seen: list[Seen] = []
        self._keys: dict[str, PartStore] = {}

    def named(self, name: str) -> list[Seen]:
        return [one for one in self.seen if one.name == name]

    @property
    def upload(self) -> PartStore:
        """The one upload that was made."""
        (upload,) = self.uploads.values()
        return upload

    async def handle(self, request: web.Request) -> web.StreamResponse:
        name = f"{request.method} {request.path}"
        fault = self.faults[name].pop(0) if self.faults[name] else None
        if fault == "lost before":
            return _lose(request)
        if fault == "hangs":
            await asyncio.Event().wait()
        self.seen.append(
            Seen(name=name, query=dict(request.query), headers=dict(request.headers), body=await request.read())
        )
        if isinstance(fault, web.Response):
            return fault
        if isinstance(fault, int):
            return problem(fault, "unavailable" if fault >= 500 else "told_to")
        answer = await self._answer(request, name)
        return _lose(request) if fault == "lost after" else answer

    async def _answer(self, request: web.Request, name: str) -> web.StreamResponse:
        if told := self.answers[name]:
            answer = told.pop(0) if len(told) > 1 else told[0]
            if isinstance(answer, web.Response):  # one that was sent cannot be sent again
                return web.Response(status=answer.status, body=answer.body, headers=answer.headers)
            return web.json_response(answer)
        match (request.method, request.path.split("/")[1:]):
            case ("POST", ["v1", "uploads"] | ["v1", "assets", _, "source"]):
                return await self._created(request)
            case ("PUT", [upload_id, "parts", _]):
                return await self.uploads[upload_id].put(request)
            case ("GET", ["v1", "uploads", upload_id]) if upload_id in self.uploads:
                return await self.uploads[upload_id].show(request)
            case ("POST", ["v1", "uploads", upload_id, "complete"]):
                return await self.uploads[upload_id].complete(request)
            case ("DELETE", ["v1", "uploads", upload_id]):
                return await self.uploads[upload_id].abort(request)
            case ("GET", ["v1", "assets", asset_id]):
                return web.json_response({"data": {"id": asset_id, "status": "processing"}})
            case _:
                return problem(404, "not_found")

    async def _created(self, request: web.Request) -> web.StreamResponse:
        key = request.headers["Idempotency-Key"]
        if (known := self._keys.get(key)) is not None:
            return known.shown(status=201)
        number = len(self._keys) + 1
        made = PartStore(id=f"up_{number}", asset_id=f"as_{number}", urls_at_once=self.urls_at_once)
        made.url = f"{self.url}/{made.id}"
        self.uploads[made.id] = self._keys[key] = made
        return await made.create(request)


def problem(status: int, code: str, **more: Any) -> web.Response:
    """An error as the API answers it."""
    body = {"type": "about:blank", "status": status, "code": code, "detail": "It was told to.", **more}
    headers = {"X-Request-Id": "0123456789abcdef", **({"Retry-After": "0"} if status in (429, 503) else {})}
    return web.json_response(body, status=status, headers=headers, content_type="application/problem+json")


def _lose(request: web.Request) -> web.Response:
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@asynccontextmanager
async def small_kadr() -> AsyncIterator[SmallKadr]:
    """A running server on a free port."""
    kadr = SmallKadr()
    app = web.Application(client_max_size=64 * 2**20)
    app.router.add_route("*", "/{path:.*}", kadr.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    kadr.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield kadr
    finally:
        await runner.cleanup()
