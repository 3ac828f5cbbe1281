"""Calls of kadr-node against a server that fails as real ones do: repeats, errors, pages, waits and the feed."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from tests import js_package, node
from tests.js_package import run, started

pytestmark = js_package.needed
Step = Callable[[web.Request], Awaitable[web.StreamResponse]]


def says(status: int, body: Any = None, **headers: str) -> Step:
    """Answer with this."""

    async def step(_: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if isinstance(body, str):
            return web.Response(status=status, text=body, headers=named)
        return web.json_response(body, status=status, headers=named) if body is not None else web.Response(status=204)

    return step


def problem(status: int, code: str, **more: Any) -> dict[str, Any]:
    return {"type": "about:blank", "title": "", "status": status, "detail": f"It is {code}.", "code": code, **more}


async def drop(request: web.Request) -> web.StreamResponse:
    """Close the connection instead of an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


@dataclass
class Server:
    """Takes one step for each request, in order, and keeps the requests."""

    steps: list[Step]
    url: str = ""
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    bodies: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        self.headers.append(dict(request.headers))
        self.bodies.append(await request.text())
        return await self.steps.pop(0)(request)


@asynccontextmanager
async def serving(*steps: Step) -> AsyncIterator[Server]:
    server = Server([*steps])
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.answer)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


def test_which_answers_are_worth_another_attempt_and_when() -> None:
    """Anything between nothing and what doubles with each failure, up to 30 s; or what Retry-After asks for."""
    code = """
      const statuses = [0, 200, 301, 400, 401, 403, 404, 408, 409, 410, 422, 425, 429, 500, 502, 503, 504];
      const now = Date.parse("2026-11-30T12:00:00Z");
      return [
        statuses.filter(kadr.isPassing),
        [1, 2, 3, 7, 8, 5000].map((failures) => kadr.delayMs(failures, 1)),
        kadr.delayMs(3, 0.25),
        ["7", "0", "", "soon", "-5", "Mon, 30 Nov 2026 12:00:09 GMT", "Mon, 30 Nov 2026 11:00:00 GMT", null]
          .map((header) => kadr.retryAfterMs(header, now)),
      ];
    """
    statuses, delays, quarter, waits = node.run((js_package.PACKAGE / "src" / "retry.ts",), code)
    assert statuses == [0, 408, 425, 429, 500, 502, 503, 504]
    assert (delays, quarter) == ([500, 1000, 2000, 30_000, 30_000, 30_000], 500)
    assert waits == [7000, 0, 0, 0, 0, 9000, 0, 0]


async def told(folder: Path, server: Server, code: str) -> list[Any]:
    """What the program prints, whose API is the server."""
    return await run(folder, code, KADR_API_URL=f"{server.url}/", KADR_API_KEY="k")


async def test_a_call_is_repeated_until_it_says_something(folder_with_package: Path) -> None:
    """What creates something has the same Idempotency-Key each time, and another call another one."""
    asset = {"id": "as_1", "status": "processing"}
    steps = (
        says(503, problem(503, "unavailable")),
        drop,
        says(429, problem(429, "busy"), Retry_After="0"),
        says(502, "<html>Bad Gateway</html>"),
        says(202, {"data": asset}),
    )
    async with serving(*steps, says(202, {"data": asset})) as server:
        code = 'const pull = { input_url: "https://example.org/a.mp4", title: "Ж" };\n'
        code += "say(await kadr.assets.create(pull)); say(await kadr.assets.create(pull));"
        assert await told(folder_with_package, server, code) == [asset, asset]
    assert server.asked == ["POST /v1/assets"] * 6
    assert set(server.bodies) == {'{"input_url":"https://example.org/a.mp4","title":"Ж"}'}
    assert {(one["Authorization"], one["Content-Type"]) for one in server.headers} == {("Bearer k", "application/json")}
    keys = [one["Idempotency-Key"] for one in server.headers]
    assert len(set(keys[:5])) == 1
    assert keys[5] != keys[0]


async def test_an_error_says_everything_that_kadr_has_said(folder_with_package: Path) -> None:
    faults = [{"pointer": "/title", "code": "too_long", "detail": "Too long."}]
    body = problem(422, "invalid", hint="Shorten it.", pointer="/title", errors=faults)
    async with serving(says(422, body, X_Request_Id="abcdefgh")) as server:
        code = 'say(await failure(() => kadr.assets.update("as_1/..", { title: "a" })));'
        (error,) = await told(folder_with_package, server, code)
    assert server.asked == ["PATCH /v1/assets/as_1%2F.."], "once, and of this id only"
    assert error == {
        "name": "KadrError",
        "code": "invalid",
        "status": 422,
        "detail": "It is invalid.",
        "hint": "Shorten it.",
        "pointer": "/title",
        "faults": faults,
        "requestId": "abcdefgh",
        "retryAfterS": 0,
        "message": "invalid: It is invalid. Shorten it.",
    }


async def test_what_is_not_kadr_is_unexpected(folder_with_package: Path) -> None:
    moved = says(301, "", Location="https://kadr.example.com/v1/assets/as_1")
    async with serving(says(200, "<html>"), moved, says(404, "<html>")) as server:
        code = 'for (const _ of "123") say(await failure(() => kadr.assets.get("as_1")));'
        errors = await told(folder_with_package, server, code)
    assert [(error["code"], error["status"]) for error in errors] == [
        ("unexpected", status) for status in (200, 301, 404)
    ]
    assert "https://kadr.example.com/" in errors[1]["detail"]


async def test_it_gives_up(folder_with_package: Path) -> None:
    """After as many repeats as are set, or where it is asked to wait for longer than a minute."""
    steps = [drop] * 3 + [says(503, problem(503, "unavailable"), Retry_After="61")]
    async with serving(*steps) as server:
        code = "const once = new Kadr({ retries: 2 });"
        code += 'for (const _ of "12") say(await failure(() => once.assets.get("as_1")));'
        lost, busy = await told(folder_with_package, server, code)
    assert (lost["code"], lost["status"]) == ("no_answer", 0)
    assert server.url in lost["detail"]
    assert (busy["code"], busy["status"], busy["retryAfterS"]) == ("unavailable", 503, 61)


async def test_what_would_happen_twice_is_repeated_only_where_it_was_not_taken(folder_with_package: Path) -> None:
    steps = (says(429, problem(429, "busy")), says(201, {"data": 1}), drop, says(503, problem(503, "unavailable")))
    async with serving(*steps) as server:
        code = 'const call = () => kadr.call("POST", "/v1/things", { body: {}, repeat: false });'
        code += "say(await call()); say((await failure(call)).code); say((await failure(call)).code);"
        assert await told(folder_with_package, server, code) == [{"data": 1}, "no_answer", "unavailable"]
    assert server.steps == []


async def test_what_a_lost_answer_has_deleted_is_deleted(folder_with_package: Path) -> None:
    gone = says(404, problem(404, "not_found"))
    async with serving(drop, gone, gone) as server:
        code = 'say(await kadr.assets.delete("as_1")); say((await failure(() => kadr.assets.delete("as_1"))).code);'
        assert await told(folder_with_package, server, code) == [None, "not_found"]


async def test_a_slow_answer_is_a_lost_one_and_a_signal_ends_everything(folder_with_package: Path) -> None:
    async def silence(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        return web.Response()

    async with serving(silence, says(200, {"data": 2}), silence) as server:
        code = """
          const hasty = new Kadr({ timeoutMs: 100 });
          say(await hasty.call("GET", "/v1/a", { query: { b: "c d", e: undefined, f: null, g: 0 } }));
          const signal = AbortSignal.timeout(100);
          say((await failure(() => kadr.call("GET", "/v1/a", { signal }))).name);
        """
        assert await told(folder_with_package, server, code) == [{"data": 2}, "TimeoutError"]
    assert server.asked == ["GET /v1/a?b=c+d&g=0"] * 2 + ["GET /v1/a"]


async def test_settings(folder_with_package: Path) -> None:
    """What is missing is an error of the first call, so that a build without secrets can load the program."""
    code = """
      say(await failure(() => kadr.assets.get("as_1")));
      say(await failure(() => new Kadr({ apiUrl: "https://example.org" }).assets.get("as_1")));
      for (const apiUrl of ["example.org", "ftp://example.org", "https://example.org/?a"])
        say((await failure(() => new Kadr({ apiUrl, apiKey: "k" }))).name);
    """
    url, key, *wrong = await run(folder_with_package, code)
    assert (url["code"], url["detail"]) == ("not_configured", "apiUrl is missing.")
    assert (key["code"], key["detail"]) == ("not_configured", "apiKey is missing.")
    assert wrong == ["TypeError"] * 3


async def test_a_listing_is_read_page_by_page(folder_with_package: Path) -> None:
    first = says(200, {"data": [{"id": "as_1"}, {"id": "as_2"}], "next_cursor": "c"})
    async with serving(first, says(200, {"data": [{"id": "as_3"}], "next_cursor": None}), first) as server:
        code = """
          for await (const { id } of kadr.assets.list({ status: "ready", q: "a&b" })) say(id);
          for await (const { id } of kadr.assets.list()) { say(id); break; }
        """
        assert await told(folder_with_package, server, code) == ["as_1", "as_2", "as_3", "as_1"]
    query = "status=ready&q=a%26b"
    assert server.asked == [f"GET /v1/assets?{query}", f"GET /v1/assets?{query}&cursor=c", "GET /v1/assets"]


async def test_waiting_for_an_asset(folder_with_package: Path) -> None:
    error = {"code": "no_video", "message": "There is only audio.", "hint": "Use the profile audio-only."}
    states = [
        {"status": status, "progress": 0.5} for status in ("waiting", "processing", "playable", "ready", "playable")
    ]
    failed = {"status": "errored", "progress": 0.5, "error": error}
    stays = {"status": "processing", "progress": 0.25}
    async with serving(*(says(200, {"data": one}) for one in (*states, failed, stays, stays))) as server:
        code = """
          const seen = [];
          const ready = await kadr.assets.wait("as_1", { onLook: ({ status }) => seen.push(status) });
          say([seen, ready.status]);
          say((await kadr.assets.wait("as_1", { until: "playable" })).status);
          say(await failure(() => kadr.assets.wait("as_1")));
          say(await failure(() => kadr.assets.wait("as_1", { timeoutMs: 20 })));
        """
        ready, playable, errored, late = await told(folder_with_package, server, code)
    assert ready == [["waiting", "processing", "playable", "ready"], "ready"]
    assert playable == "playable"
    assert (errored["code"], errored["hint"]) == (error["code"], error["hint"])
    assert (late["code"], late["detail"]) == ("timed_out", "as_1 is processing, at 25 %, after 0.02 s.")


def page(*ids: str, cursor: str, has_more: bool = False) -> Step:
    return says(200, {"data": [{"id": one} for one in ids], "next_cursor": cursor, "has_more": has_more})


async def test_the_feed_is_followed_over_lost_connections(folder_with_package: Path) -> None:
    expired = says(410, problem(410, "cursor_expired"))
    busy = says(503, problem(503, "unavailable"))
    steps = (page("ev_1", cursor="a", has_more=True), page("ev_2", cursor="b"), *([drop, busy] * 5))
    async with serving(*steps, page(cursor="c"), page("ev_3", cursor="d"), expired) as server:
        code = """
          const query = { last: 2, types: ["video.asset.*", "video.track.ready"] };
          const follow = async () => {
            for await (const { events, cursor } of kadr.events.follow(query))
              say([events.map(({ id }) => id), cursor]);
          };
          say((await failure(follow)).code);
        """
        lines = await told(folder_with_package, server, code)
    assert lines == [[["ev_1"], "a"], [["ev_2"], "b"], [[], "c"], [["ev_3"], "d"], "cursor_expired"]
    types = "types=video.asset.*%2Cvideo.track.ready"
    assert server.asked[0] == f"GET /v1/events?last=2&{types}&wait_s=0"
    assert server.asked[1] == f"GET /v1/events?after=a&{types}&wait_s=0", "there is more: no need to wait"
    assert server.asked[2:13] == [f"GET /v1/events?after=b&{types}&wait_s=30"] * 11
    assert server.asked[-1] == f"GET /v1/events?after=d&{types}&wait_s=30"


async def test_a_program_that_follows_ends_by_its_signal(folder_with_package: Path) -> None:
    asked = asyncio.Event()

    async def wait(_: web.Request) -> web.StreamResponse:
        asked.set()
        await asyncio.Event().wait()
        return web.Response()

    async with serving(page("ev_1", cursor="b", has_more=True), page(cursor="a"), wait) as server:
        code = """
          say(await kadr.events.page({ after: "now", limit: 1 }));
          const stop = new AbortController();
          process.on("SIGTERM", () => stop.abort());
          const { signal } = stop;
          const follow = async () => { for await (const { cursor } of kadr.events.follow({ signal })) say(cursor); };
          say((await failure(follow)).name);
        """
        program = await started(folder_with_package, code, KADR_API_URL=server.url, KADR_API_KEY="k")
        await asked.wait()
        program.terminate()
        out, err = await program.communicate()
    assert (program.returncode, err) == (0, b"")
    one_page = {"events": [{"id": "ev_1"}], "cursor": "b", "hasMore": True}
    assert [json.loads(line) for line in out.splitlines()] == [one_page, "a", "AbortError"]
    assert server.asked[0] == "GET /v1/events?after=now&limit=1&wait_s=0"


async def test_tokens(folder_with_package: Path) -> None:
    async with serving(*[says(201, {"data": {"token": "t"}})] * 3) as server:
        code = """
          say(await kadr.playbackTokens.create("pb_1", { viewer: "u1" }));
          say(await kadr.playbackTokens.create("pb_1"));
          say(await kadr.uploadTokens.create({ ref: "lesson:1" }));
        """
        assert await told(folder_with_package, server, code) == [{"token": "t"}] * 3
    assert server.asked == ["POST /v1/playback_ids/pb_1/token"] * 2 + ["POST /v1/upload_tokens"]
    assert server.bodies == ['{"viewer":"u1"}', "{}", '{"ref":"lesson:1"}']
