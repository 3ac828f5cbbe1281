"""A page that uploads, on one origin with the API as the studio is, and a storage before S3 that fails when told.

In: a stack. Out: a `Door` with the page's URL, what is to go wrong, and every request that came. The API is one of the
tests' own with small parts; the page's calls of it get the API key here, since a page has none.
"""

import asyncio
import hashlib
import json
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import asyncpg
from aiohttp import web
from playwright.async_api import Page
from yarl import URL

from studio import FOLDER, MODULES
from tests import runs
from tests.lone import servers_env, start
from tests.lone_origin import free_port
from tests.stack import Stack
from tests.waiting import until
from tests.web import fetch

PART_BYTES = 64 * 1024
RETRY_AFTER_S = 1
ENTRY = FOLDER / "upload" / "upload.ts"
# Not of a storage: what a page must not be kept from reading.
ANY_PAGE = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": "Retry-After"}
PAGE = """<!doctype html><meta charset="utf-8"><title>Upload</title><link rel="icon" href="data:,">
<input type="file" multiple><script type="module">
import { UploadQueue, unfinished } from "/upload.js";
window.left = unfinished;
window.uploads = [];
window.answers = {};
const queue = new UploadQueue(JSON.parse(decodeURIComponent(location.hash.slice(1)) || "{}"));
document.querySelector("input").addEventListener("change", ({ target }) => {
  for (const file of target.files) {
    const upload = queue.add(file, { title: file.name });
    const row = { upload, states: [], shown: [], questions: [] };
    uploads.push(row);
    upload.addEventListener("state", () => row.states.push(upload.trouble ?? upload.state));
    upload.addEventListener("progress", () => row.shown.push(upload.progress));
    upload.addEventListener("state", () => row.shown.push(upload.progress));
    upload.addEventListener("question", (event) => {
      const { kind, asset_id, sent_bytes, answer } = event.detail;
      row.questions.push({ kind, asset_id, sent_bytes });
      if (!(kind in answers)) return;
      event.preventDefault();
      setTimeout(() => answer(answers[kind]));
    });
  }
  target.value = ""; // so that choosing the same file again is a change
});
window.loaded = true;
</script>"""


@dataclass
class Put:
    """One PUT of a part, and what became of it: `good`, or the fault."""

    upload_id: str
    number: int
    attempt: int
    url: str
    began: float
    outcome: str = "under way"
    ended: float = 0.0


@dataclass
class Call:
    """One call of the API by the page."""

    method: str
    path: str
    attempt: int
    authorization: str | None
    status: int = 0


@dataclass
class Door:
    """What a test says and sees. A fault is a name, or None.

    Of storage: `503`, `429` and `403` (answers), `cut` (the connection, in mid-body), `stall` (nothing moves any more),
    `hold` (until `go` is set), `swallow` (says that it has arrived, and keeps nothing), `slow`.
    Of the API: `503`, and `silent`: it does what it is asked and nobody hears of it.
    """

    stack: Stack
    api_url: str
    page_url: str = ""
    storage_url: str = ""
    storage_fault: Callable[[Put], str | None] = lambda _: None
    api_fault: Callable[[Call], str | None] = lambda _: None
    puts: list[Put] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    begun: set[str] = field(default_factory=set)  # uploads of which a part is in storage
    first: dict[str, asyncio.Lock] = field(default_factory=dict)

    def reset(self) -> None:
        """As if nothing had ever gone wrong; what a test before has left hanging is let go."""
        self.go.set()
        self.go = asyncio.Event()
        self.storage_fault = self.api_fault = lambda _: None
        self.puts, self.calls = [], []

    def url(self, **settings: Any) -> str:
        """Of the page, whose queue has these settings."""
        return f"{self.page_url}#{quote(json.dumps(settings))}"

    def outcomes(self, upload_id: str | None = None) -> dict[int, list[str]]:
        """What became of each part, attempt by attempt."""
        found: dict[int, list[str]] = {}
        for put in self.puts:
            if upload_id in (None, put.upload_id):
                found.setdefault(put.number, []).append(put.outcome)
        return found

    def called(self, method: str, ending: str) -> list[Call]:
        """Calls with this method whose path, without its query, ends like this."""
        return [one for one in self.calls if one.method == method and one.path.partition("?")[0].endswith(ending)]

    async def sha256_of_source(self, asset_id: str) -> str:
        """Of the bytes that the worker has put together."""
        connection = await asyncpg.connect(self.stack.endpoints["database_url"])
        try:

            async def known() -> Any:
                return await connection.fetchval("SELECT source_sha256 FROM assets WHERE id = $1", asset_id)

            return str(await until(known))
        finally:
            await connection.close()

    # The page and the API, on one origin.

    async def page(self, _: web.Request) -> web.Response:
        return web.Response(text=PAGE, content_type="text/html")

    async def script(self, _: web.Request) -> web.Response:
        return web.Response(text=await asyncio.to_thread(bundled), content_type="text/javascript")

    async def v1(self, request: web.Request) -> web.Response:
        before = [one for one in self.calls if (one.method, one.path) == (request.method, request.path_qs)]
        told = request.headers.get("Authorization")
        call = Call(request.method, request.path_qs, len(before) + 1, told)
        self.calls.append(call)
        fault = self.api_fault(call)
        if fault == "503":
            return web.json_response({"code": "unavailable"}, status=503)
        kept = {name: request.headers[name] for name in ("Content-Type", "Idempotency-Key") if name in request.headers}
        headers = {**kept, "Authorization": f"Bearer {self.stack.endpoints['api_key']}"}
        url = URL(self.api_url + request.path_qs, encoded=True)
        async with (
            aiohttp.ClientSession() as session,
            session.request(request.method, url, data=await request.read(), headers=headers) as answer,
        ):
            text = (await answer.text()).replace(self.stack.endpoints["s3"], self.storage_url)
            call.status = answer.status
        if fault == "silent":
            # A connection that is cut here would be tried again by the browser itself.
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(0.02)
        return web.Response(text=text, status=call.status, content_type=answer.content_type)

    # The storage.

    async def storage(self, request: web.Request) -> web.Response:
        if request.method != "PUT":
            return await self.forwarded(request, b"")
        _, _, _, upload_id, number = request.path.split("/")
        before = [one for one in self.puts if (one.upload_id, one.number) == (upload_id, int(number))]
        put = Put(upload_id, int(number), len(before) + 1, request.path_qs, time.monotonic())
        self.puts.append(put)
        fault, go = self.storage_fault(put), self.go
        try:
            return await self.answered(request, put, fault, go)
        except ConnectionError:
            put.outcome = "gone"  # whoever sent it was
            raise
        finally:
            put.ended = time.monotonic()

    async def answered(self, request: web.Request, put: Put, fault: str | None, go: asyncio.Event) -> web.Response:
        transport = request.transport
        assert transport is not None
        if fault in ("cut", "stall"):
            await request.content.read(1000)
            put.outcome = fault
            if fault == "stall":
                await go.wait()
            transport.abort()
            return web.Response(status=500)
        if fault == "slow":
            content = b""
            async for block in request.content.iter_chunked(PART_BYTES // 8):
                content += block
                await asyncio.sleep(0.08)
        elif fault is None:
            return await self.stored(request, put, request.content)  # straight through, for parts of any size
        else:
            content = await request.content.read()
        if fault == "hold":
            put.outcome = fault
            await go.wait()
            if transport.is_closing():
                put.outcome = "gone"
                return web.Response(status=500)
        if fault in ("503", "429", "403"):
            put.outcome = fault
            headers = {**ANY_PAGE, **({"Retry-After": str(RETRY_AFTER_S)} if fault == "429" else {})}
            return web.Response(status=int(fault), headers=headers, text="<Error><Code>AccessDenied</Code></Error>")
        if fault == "swallow":
            put.outcome = fault
            return web.Response(headers=ANY_PAGE)
        return await self.stored(request, put, content)

    async def stored(self, request: web.Request, put: Put, content: Any) -> web.Response:
        """The first part of an upload alone, then all at once.

        To some of several PUTs below a prefix that is new, rclone answers 500. The engine sends them again, but a test
        that counts attempts could not say why.
        """
        alone = nullcontext() if put.upload_id in self.begun else self.first.setdefault(put.upload_id, asyncio.Lock())
        async with alone:
            answer = await self.forwarded(request, content)
            if answer.status == 200:
                self.begun.add(put.upload_id)
        put.outcome = "good" if answer.status == 200 else str(answer.status)
        return answer

    async def forwarded(self, request: web.Request, content: Any) -> web.Response:
        """As the browser has sent it, under the name that the URL was signed for."""
        s3 = URL(self.stack.endpoints["s3"])
        dropped = ("host", "connection", "accept-encoding")
        headers = {name: value for name, value in request.headers.items() if name.lower() not in dropped}
        headers["Host"] = f"{s3.host}:{s3.port}"
        url = URL(f"{s3}".rstrip("/") + request.path_qs, encoded=True)
        async with (
            aiohttp.ClientSession(auto_decompress=False) as session,
            session.request(request.method, url, data=content, headers=headers) as answer,
        ):
            body = await answer.read()
            kept = {name: value for name, value in answer.headers.items() if name.lower().startswith("access-control")}
            return web.Response(body=body, status=answer.status, headers=kept)


def bundled() -> str:
    """The engine as a page gets it."""
    (bundler,) = (MODULES / "@esbuild").glob("*/bin/esbuild")
    arguments = (str(ENTRY), "--bundle", "--format=esm", "--minify", "--target=es2022")
    return subprocess.run([bundler, *arguments], check=True, capture_output=True, text=True).stdout


@asynccontextmanager
async def api_of(stack: Stack) -> AsyncIterator[str]:
    """The URL of an API of the tests' own on the stack's servers, with small parts."""
    port = free_port()
    env = {
        **servers_env(stack),
        "KADR_API_PORT": str(port),
        "KADR_METRICS_PORT": str(free_port()),
        "KADR_PART_SIZE_BYTES": str(PART_BYTES),
    }
    running = await start("api", env=env)
    url = f"http://127.0.0.1:{port}"

    async def ready() -> bool:
        assert running.returncode is None, "the API has ended"
        try:
            return (await fetch(f"{url}/health/ready")).status == 200
        except aiohttp.ClientError:
            return False

    try:
        await until(ready)
        yield url
    finally:
        if running.returncode is None:
            running.terminate()
        await asyncio.wait_for(running.wait(), 60 * runs.patience())


@asynccontextmanager
async def serving(door: Door) -> AsyncIterator[None]:
    """Both servers of a door."""
    runners = []
    for routes in (
        [web.get("/", door.page), web.get("/upload.js", door.script), web.route("*", "/v1/{tail:.*}", door.v1)],
        [web.route("*", "/{tail:.*}", door.storage)],
    ):
        app = web.Application()
        app.add_routes(routes)
        runners.append(web.AppRunner(app, access_log=None, shutdown_timeout=2))
        await runners[-1].setup()
        await web.TCPSite(runners[-1], "127.0.0.1", 0).start()
    door.page_url, door.storage_url = (f"http://127.0.0.1:{one.addresses[0][1]}" for one in runners)
    try:
        yield
    finally:
        door.reset()
        for one in runners:
            await one.cleanup()


async def choose(page: Page, *files: Path) -> None:
    await page.set_input_files("input", [str(file) for file in files])


def sha256_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()
