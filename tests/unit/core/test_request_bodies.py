"""core.http.request_bodies on a real server: what is sent slowly, in masses or in bulk holds up nobody else."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from core.http import problems, request_bodies
from core.http.request_bodies import roomy
from core.settings import Settings
from origin.delivery import load_shedding

MOST_BYTES = 1000
ROOM_BYTES = 300_000
SETTINGS = Settings(trusted_proxies=("127.0.0.1/32",))


class Door:
    """A server with the middlewares of the origin. POST /small and /large answer how long the body was."""

    def __init__(self) -> None:
        self.port = 0
        self.held = self.most_held = 0
        self.go_on = asyncio.Event()
        self.go_on.set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def _length(self, request: web.Request) -> web.Response:
        size = len(await request.read())
        self.held += size
        self.most_held = max(self.most_held, self.held)
        await self.go_on.wait()
        self.held -= size
        return web.json_response({"size": size})

    @asynccontextmanager
    async def open(self, body_s: float = 10.0, max_requests: int = 100) -> AsyncIterator["Door"]:
        async def file(_: web.Request) -> web.Response:
            return web.Response(text="bytes")

        async def small(request: web.Request) -> web.Response:
            return await self._length(request)

        @roomy(ROOM_BYTES, "Send less.")
        async def large(request: web.Request) -> web.Response:
            return await self._length(request)

        app = web.Application(
            middlewares=[
                problems.middleware,
                request_bodies.middleware(SETTINGS, MOST_BYTES, lambda one: one.headers.get("Owner"), body_s=body_s),
                load_shedding.middleware(max_requests),
            ]
        )
        app.add_routes([web.get("/s/file", file), web.post("/small", small), web.post("/large", large)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.port = runner.addresses[0][1]
        try:
            yield self
        finally:
            self.go_on.set()
            await runner.cleanup()

    async def begin(self, path: str = "/small", size: int = 10, address: str = "9.9.9.9") -> "Sending":
        """A POST whose body stays behind."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {address}\r\nContent-Length: {size}\r\n\r\n"
        writer.write(head.encode() + b"x")
        await writer.drain()
        return Sending(reader, writer, size - 1)

    async def post(self, path: str, body: Any, **headers: str) -> tuple[int, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.post(self.url + path, data=body, headers=headers) as answer,
        ):
            return answer.status, await answer.json(content_type=None)

    async def status_of_file(self) -> int:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/s/file") as answer:
            return answer.status


class Sending:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int) -> None:
        self._reader, self._writer, self._left = reader, writer, left

    async def rest(self) -> None:
        self._writer.write(b"x" * self._left)
        await self._writer.drain()

    def leave(self) -> None:
        self._writer.close()

    async def answer(self) -> tuple[int, Any]:
        async with asyncio.timeout(20):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
            length = next(line for line in head.splitlines() if line.lower().startswith("content-length"))
            body = await self._reader.readexactly(int(length.split(":")[1]))
        self._writer.close()
        return int(head.split()[1]), json.loads(body)


async def test_who_sends_slowly_is_given_up_and_sheds_nobody() -> None:
    """2,060 unfinished posts, 155 KB in all, were every file's 503 for minutes."""
    async with Door().open(body_s=0.5, max_requests=3) as door:
        slow = [await door.begin() for _ in range(20)]
        assert [await door.status_of_file() for _ in range(3)] == [200] * 3
        told = await asyncio.gather(*(one.answer() for one in slow))
        assert {(status, problem["code"]) for status, problem in told} == {(408, "body_too_slow")}


async def test_who_leaves_in_mid_body_is_no_outage(caplog: pytest.LogCaptureFixture) -> None:
    async with Door().open() as door:
        (await door.begin()).leave()
        assert await door.post("/small", b"1") == (200, {"size": 1})
    assert caplog.records == []


async def test_a_body_in_pieces_arrives_whole() -> None:
    async with Door().open() as door:
        sending = await door.begin(size=900)
        await sending.rest()
        assert await sending.answer() == (200, {"size": 900})


async def test_one_address_has_so_many_unfinished_bodies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bodies, "MOST_UNFINISHED", 3)
    async with Door().open() as door:
        slow = [await door.begin() for _ in range(3)]
        status, problem = await (await door.begin()).answer()
        assert (status, problem["code"]) == (429, "too_many_bodies")
        assert await door.post("/small", b"12", **{"X-Forwarded-For": "8.8.8.8"}) == (200, {"size": 2})
        for one in slow:
            await one.rest()
        assert [(await one.answer())[0] for one in slow] == [200] * 3
        assert await door.post("/small", b"12", **{"X-Forwarded-For": "9.9.9.9"}) == (200, {"size": 2})


async def test_the_addresses_of_one_home_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bodies, "MOST_UNFINISHED", 2)
    async with Door().open() as door:
        slow = [await door.begin(address=f"2001:db8::{end}") for end in (1, 2)]
        assert (await (await door.begin(address="2001:db8::3")).answer())[0] == 429
        assert await door.post("/small", b"1", **{"X-Forwarded-For": "2001:db8:0:1::1"}) == (200, {"size": 1})
        for one in slow:
            await one.rest()
        assert [(await one.answer())[0] for one in slow] == [200] * 2


async def chunked(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 100):
        yield bytes(100)


@pytest.mark.parametrize(("path", "most"), [("/small", MOST_BYTES), ("/large", ROOM_BYTES)])
async def test_no_body_is_larger_than_its_route_takes(path: str, most: int) -> None:
    """Whether its length is announced or not."""
    async with Door().open() as door:
        assert await door.post(path, bytes(most), Owner="a") == (200, {"size": most})
        assert await door.post(path, chunked(most), Owner="a") == (200, {"size": most})
        for body in (bytes(most + 1), chunked(most + 100)):
            status, problem = await door.post(path, body, Owner="a")
            assert (status, problem["code"]) == (413, "request_entity_too_large")


async def test_large_bodies_share_a_budget_and_an_owner_gets_half_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen posters of 20 MiB at once took half a gigabyte."""
    size = 250_000
    monkeypatch.setattr(request_bodies, "BUDGET_BYTES", 4 * size)
    door = Door()
    door.go_on.clear()
    async with door.open():
        greedy = [asyncio.create_task(door.post("/large", bytes(size), Owner="greedy")) for _ in range(6)]
        other = asyncio.create_task(door.post("/large", bytes(size), Owner="other"))
        async with asyncio.timeout(20):
            while door.held < 3 * size:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)  # time enough for the others, if they did not wait
        assert door.held == 3 * size  # two of one owner, and one of the other
        door.go_on.set()
        assert {status for status, _ in await asyncio.gather(*greedy, other)} == {200}
    assert 2 * size < door.most_held <= 4 * size


async def test_where_no_memory_becomes_free_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_bodies, "BUDGET_BYTES", 200_000)
    monkeypatch.setattr(request_bodies, "WAIT_FOR_MEMORY_S", 0.2)
    door = Door()
    door.go_on.clear()
    async with door.open():
        first = asyncio.create_task(door.post("/large", bytes(150_000), Owner="a"))
        async with asyncio.timeout(20):
            while not door.held:
                await asyncio.sleep(0.01)
        status, problem = await door.post("/large", bytes(150_000), Owner="a")
        assert (status, problem["code"]) == (503, "busy")
        door.go_on.set()
        assert (await first)[0] == 200
        assert (await door.post("/large", bytes(150_000), Owner="a"))[0] == 200
