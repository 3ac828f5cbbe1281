"""A small HTTP server that answers as Kadr's API and its storage do, and fails when told: for tests of programs that
call them. Uploads are in memory; everything else is answered with what a test has put there.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from aiohttp import web

from ingest.bodies import responses

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
# An HTTP status; or the connection is lost, before the request was seen or after it was carried out.
Fault = int | web.Response | Literal["lost before", "lost after", "hangs"]
PART_BYTES = 64 * 1024
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


@dataclass(slots=True)
class StoredUpload:
    """An upload in memory."""

    id: str
    asset_id: str
    size_bytes: int
    status: str = "open"
    parts: dict[int, bytes] = field(default_factory=dict)

    @property
    def content(self) -> bytes:
        return b"".join(content for _, content in sorted(self.parts.items()))


class SmallKadr:
    """`faults`: by the name of a request, such as "PUT /parts/1", how its next ones fail. `urls_at_once`: of parts.

    `answers`: by name, what is answered in turn, the last one for ever; `seen`: every request that was not lost before.
    """

    def __init__(self) -> None:
        self.url = ""
        self.urls_at_once = 200
        self.urls_good_from = 0  # earlier URLs of parts are refused, as expired ones are
        self.uploads: dict[str, StoredUpload] = {}
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.answers: dict[str, list[Any]] = defaultdict(list)
        self.seen: list[Seen] = []
        self._keys: dict[str, str] = {}
        self._signed = 0

    def named(self, name: str) -> list[Seen]:
        return [one for one in self.seen if one.name == name]

    @property
    def upload(self) -> StoredUpload:
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
            case ("PUT", ["parts", upload_id, number]):
                return await self._put(request, self.uploads[upload_id], int(number))
            case ("POST", ["v1", "uploads"] | ["v1", "assets", _, "source"]):
                return self._shown(await self._created(request), status=201)
            case ("GET", ["v1", "uploads", upload_id]) if upload_id in self.uploads:
                return self._shown(self.uploads[upload_id], int(request.query.get("from_part", "1")))
            case ("POST", ["v1", "uploads", upload_id, "complete"]):
                return self._completed(self.uploads[upload_id])
            case ("DELETE", ["v1", "uploads", upload_id]):
                self.uploads[upload_id].status = "aborted"
                return web.Response(status=204)
            case ("GET", ["v1", "assets", asset_id]):
                return web.json_response({"data": {"id": asset_id, "status": "processing"}})
            case _:
                return problem(404, "not_found")

    async def _created(self, request: web.Request) -> StoredUpload:
        key = request.headers["Idempotency-Key"]
        if key not in self._keys:
            number = len(self.uploads) + 1
            size_bytes = (await request.json())["size_bytes"]
            made = StoredUpload(id=f"up_{number}", asset_id=f"as_{number}", size_bytes=size_bytes)
            self.uploads[made.id] = made
            self._keys[key] = made.id
        return self.uploads[self._keys[key]]

    async def _put(self, request: web.Request, upload: StoredUpload, number: int) -> web.Response:
        if int(request.query["v"]) < self.urls_good_from:
            return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
        upload.parts[number] = await request.read()
        return web.Response()

    def _completed(self, upload: StoredUpload) -> web.Response:
        if len(upload.content) != upload.size_bytes:
            return problem(422, "size_mismatch")
        upload.status = "completed"
        return self._shown(upload, status=202)

    def _shown(self, upload: StoredUpload, from_part: int = 1, status: int = 200) -> web.Response:
        """As ingest.uploads shows it."""
        parts: list[responses.Part] = []
        next_part, signed = None, 0
        count = -(-upload.size_bytes // PART_BYTES) if upload.status == "open" else 0
        for number in range(1, count + 1):
            url, arrived = None, number in upload.parts
            if not arrived and number >= from_part:
                if signed < self.urls_at_once:
                    signed, self._signed = signed + 1, self._signed + 1
                    url = f"{self.url}/parts/{upload.id}/{number}?v={self._signed}"
                elif next_part is None:
                    next_part = number
            size_bytes = min(PART_BYTES, upload.size_bytes - (number - 1) * PART_BYTES)
            parts.append(responses.Part(number=number, size_bytes=size_bytes, arrived=arrived, url=url))
        shape = responses.Upload(
            id=upload.id,
            asset_id=upload.asset_id,
            status=upload.status,
            method="PUT",
            parts=parts,
            next_part=next_part,
            part_size_bytes=PART_BYTES,
            expires_at=datetime.now(UTC) + timedelta(days=1),
        )
        return web.json_response({"data": shape.model_dump(mode="json")}, status=status)


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
