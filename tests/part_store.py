"""A server that takes uploads in parts as the API and its storage do, in memory, and fails where a test asks it to.

For what real storage does only after hours or by accident: expired URLs, lost parts, connections that break.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from core.model import UploadStatus
from ingest.bodies.responses import Part, Upload

PART_BYTES = 300_000
UPLOAD_ID, ASSET_ID = "up_1", "as_1"
# Instead of a status: break the connection in the middle of the body; never answer.
DROP, HOLD = -1, -2


@dataclass
class PartStore:
    """One upload. `on_put(number, tries)` gives the status of a PUT, DROP or HOLD, or None to take it."""

    id: str = UPLOAD_ID
    asset_id: str = ASSET_ID
    urls_at_once: int = 200
    on_put: Callable[[int, int], int | None] = lambda number, tries: None
    url: str = ""
    size: int = 0
    status: UploadStatus = UploadStatus.OPEN
    body: dict[str, Any] = field(default_factory=dict)
    parts: dict[int, bytes] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    tries: dict[int, int] = field(default_factory=dict)
    generation: int = 0  # of URLs
    under_way: int = 0
    most_under_way: int = 0
    lost_at_completion: list[int] = field(default_factory=list)

    @property
    def content(self) -> bytes:
        """What has arrived, in order."""
        return b"".join(part for _, part in sorted(self.parts.items()))

    def shown(self, from_part: int = 1, status: int = 200) -> web.Response:
        self.generation += 1
        parts, signed, next_part = [], 0, None
        for at in range(0, self.size, PART_BYTES):
            number, size = at // PART_BYTES + 1, min(PART_BYTES, self.size - at)
            missing, url = number not in self.parts, None
            if missing and number >= from_part and signed < self.urls_at_once:
                url, signed = f"{self.url}/parts/{number}?generation={self.generation}", signed + 1
            elif missing and number >= from_part and next_part is None:
                next_part = number
            parts.append(Part(number=number, size_bytes=size, arrived=not missing, url=url))
        shape = Upload(
            id=self.id,
            asset_id=self.asset_id,
            status=self.status,
            method="PUT",
            parts=parts if self.status is UploadStatus.OPEN else [],
            next_part=next_part,
            part_size_bytes=PART_BYTES,
            expires_at=datetime.now(UTC) + timedelta(days=1),
        )
        return web.json_response({"data": shape.model_dump(mode="json")}, status=status)

    async def create(self, request: web.Request) -> web.Response:
        self.calls.append(f"create {request.path}")
        self.body = await request.json()
        self.size = self.body["size_bytes"]
        return self.shown(status=201)

    async def show(self, request: web.Request) -> web.Response:
        from_part = int(request.query.get("from_part", 1))
        self.calls.append(f"show {from_part}")
        return self.shown(from_part)

    async def put(self, request: web.Request) -> web.StreamResponse:
        number = int(request.path.rpartition("/")[2])
        tries = self.tries[number] = self.tries.get(number, 0) + 1
        self.calls.append(f"put {number}")
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            status = self.on_put(number, tries)
            if status == DROP:
                await request.content.readexactly(1000)
                assert request.transport is not None
                request.transport.abort()
            elif status == HOLD:
                await asyncio.Event().wait()
            elif status is None:
                self.parts[number] = await request.read()
                assert request.headers["Content-Length"] == str(len(self.parts[number]))
            reason = "<Error><Code>AccessDenied</Code></Error>" if status == 403 else ""
            return web.Response(status=status if status and status > 0 else 200, text=reason)
        finally:
            self.under_way -= 1

    async def complete(self, _: web.Request) -> web.Response:
        self.calls.append("complete")
        for number in self.lost_at_completion:
            del self.parts[number]
        self.lost_at_completion = []
        if len(self.content) < self.size:
            problem = {"code": "size_mismatch", "detail": "Parts missing.", "status": 422}
            return web.json_response(problem, status=422)
        self.status = UploadStatus.COMPLETED
        return self.shown(status=202)

    async def abort(self, _: web.Request) -> web.Response:
        self.calls.append("abort")
        self.status = UploadStatus.ABORTED
        return web.Response(status=204)


@asynccontextmanager
async def serving(store: PartStore) -> AsyncIterator[PartStore]:
    app = web.Application(client_max_size=2 * PART_BYTES)
    app.add_routes(
        [
            web.post("/v1/uploads", store.create),
            web.post("/v1/assets/{asset_id}/source", store.create),
            web.get("/v1/uploads/{upload_id}", store.show),
            web.post("/v1/uploads/{upload_id}/complete", store.complete),
            web.put("/parts/{number}", store.put),
        ]
    )
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    store.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield store
    finally:
        await runner.cleanup()
