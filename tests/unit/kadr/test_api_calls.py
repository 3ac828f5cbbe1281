"""kadr.commands.api: how long a command waits for an API that is away, and that what creates creates once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from kadr.commands.api import Api, NotNow, Patience, Target
from kadr.error_text import CannotIngest

QUICK = Patience(tries=3, away_s=20, pause_s=0.01)
Answer = Callable[[int], web.Response]


class Server:
    """An API on one port that goes and comes back; answers its nth request (from 0) by `answer`."""

    def __init__(self, answer: Answer) -> None:
        self.requests: list[web.Request] = []
        self._answer = answer
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self) -> None:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.Request) -> web.Response:
        self.requests.append(request)
        return self._answer(len(self.requests) - 1)


@asynccontextmanager
async def serving(answer: Answer, patience: Patience = QUICK) -> AsyncIterator[tuple[Server, Api]]:
    server = Server(answer)
    await server.start()
    async with aiohttp.ClientSession() as session:
        yield server, Api(session, Target(api=f"http://127.0.0.1:{server.port}", api_key="k"), patience)
    await server.stop()


def good(_: int) -> web.Response:
    return web.json_response({"data": {"id": "as_1"}})


async def test_an_api_that_restarts_is_waited_for() -> None:
    async with serving(good) as (server, api):
        assert await api.call("GET", "/v1/assets/as_1") == {"id": "as_1"}
        await server.stop()
        call = asyncio.create_task(api.call("GET", "/v1/assets/as_1"))
        done, _ = await asyncio.wait({call}, timeout=0.3)
        assert not done
        await server.start()
        assert await asyncio.wait_for(call, 20) == {"id": "as_1"}


async def test_one_that_was_never_there_is_told_at_once() -> None:
    async with serving(good, Patience(away_s=3600)) as (server, api):
        await server.stop()
        with pytest.raises(CannotIngest, match="does not answer"):
            await asyncio.wait_for(api.call("GET", "/v1/assets"), 20)


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_so_is_one_whose_proxy_answers_for_it(status: int) -> None:
    """Longer than for as many tries as a failure gets."""
    away = QUICK.tries + 1
    async with serving(lambda n: web.Response(status=status) if n < away else good(n)) as (server, api):
        assert await asyncio.wait_for(api.call("GET", "/v1/assets/as_1"), 20) == {"id": "as_1"}
    assert len(server.requests) == away + 1


async def test_a_failure_is_tried_again_a_few_times() -> None:
    problem = {"code": "internal", "detail": "It failed."}
    async with serving(lambda _: web.json_response(problem, status=500)) as (server, api):
        with pytest.raises(CannotIngest, match="internal: It failed") as refused:
            await api.call("GET", "/v1/assets")
    assert len(server.requests) == QUICK.tries
    assert refused.value.problem == problem


async def test_a_refusal_is_final() -> None:
    async with serving(lambda _: web.json_response({"code": "invalid"}, status=422)) as (server, api):
        with pytest.raises(CannotIngest):
            await api.call("POST", "/v1/uploads", {})
    assert len(server.requests) == 1


async def test_what_creates_has_the_same_key_each_time_and_another_the_next() -> None:
    async with serving(lambda n: web.Response(status=503) if n == 0 else good(n)) as (server, api):
        await api.call("POST", "/v1/uploads", {})
        await api.call("POST", "/v1/uploads", {})
    keys = [request.headers["Idempotency-Key"] for request in server.requests]
    assert keys[0] == keys[1] != keys[2]


async def test_patience_ends() -> None:
    tries = 0

    async def away() -> None:
        nonlocal tries
        tries += 1
        raise NotNow("nobody", away=True)

    call: Awaitable[None] = Patience(away_s=0).until_done(away)
    with pytest.raises(NotNow):
        await asyncio.wait_for(call, 20)
    assert tries == 1
