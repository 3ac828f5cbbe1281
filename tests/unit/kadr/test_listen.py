"""`kadr listen`: events from a feed, printed, and sent on to a program as signed webhooks."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from core.errors import ConfigError
from kadr.arguments import parser
from kadr.commands.api_client import Target
from kadr.commands.listen import listen
from kadr.error_text import CannotIngest
from kadr_client import backoff, verify_webhook
from tests.lone_origin import free_port
from tests.small_kadr import KEY, SmallKadr, problem, small_kadr
from tests.waiting import until

FEED = "GET /v1/events"
SECRET = "whsec_" + "QUJD" * 8


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backoff, "FIRST_S", 0.001)


@pytest.fixture
async def server() -> AsyncIterator[SmallKadr]:
    async with small_kadr() as running:
        yield running


def event(number: int) -> dict[str, Any]:
    return {
        "id": f"ev_{number}",
        "type": "video.asset.ready",
        "created_at": "2026-11-30T12:00:00Z",
        "timestamp": "2026-11-30T12:00:00Z",
        "object": {"type": "asset", "id": "as_1"},
        "data": {"title": "Кадр", "sequence": number},
    }


def tell(server: SmallKadr, *numbers: int) -> None:
    """These events, and then nothing more."""
    server.answers[FEED] = [{"data": [event(one) for one in numbers], "next_cursor": "c1", "has_more": False}]
    server.faults[FEED] += [web.json_response(server.answers[FEED][0]), "hangs"]


@asynccontextmanager
async def listening(server: SmallKadr, capsys: pytest.CaptureFixture[str], **options: Any) -> AsyncIterator[Any]:
    """`kadr listen` as a task; gives what it has printed so far, (stdout, stderr)."""
    told = {"out": "", "err": ""}

    def printed() -> tuple[str, str]:
        new = capsys.readouterr()
        told["out"] += new.out
        told["err"] += new.err
        return told["out"], told["err"]

    given = {"types": [], "last": None, "forward": None, "secret": None, **options}
    running = asyncio.create_task(listen(Target(api=server.url, api_key=KEY), **given))
    try:
        yield printed
    finally:
        running.cancel()
        await asyncio.wait([running])


async def lines(printed: Any, count: int) -> list[str]:
    """The lines on stdout, once there are so many."""

    async def read() -> list[str]:
        return str(printed()[0]).splitlines()

    return await until(read, lambda found: len(found) == count and printed()[0].endswith("\n"), within_s=10)


async def test_each_event_is_a_line(server: SmallKadr, capsys: pytest.CaptureFixture[str]) -> None:
    tell(server, 1, 2)
    async with listening(server, capsys, types=["video.asset.*"]) as printed:
        found = await lines(printed, 2)
    assert found == [f"2026-11-30T12:00:00Z  video.asset.ready  as_1  ev_{one}" for one in (1, 2)]
    assert printed()[1] == ""
    asked = server.named(FEED)[0].query
    assert (asked["after"], asked["types"], "last" in asked) == ("now", "video.asset.*", False)


async def test_the_newest_are_replayed(server: SmallKadr, capsys: pytest.CaptureFixture[str]) -> None:
    tell(server, 1)
    async with listening(server, capsys, last=5) as printed:
        await lines(printed, 1)
    asked = server.named(FEED)[0].query
    assert (asked["last"], "after" in asked) == ("5", False)


class Receiver:
    """A program that takes webhooks: answers with these statuses in turn."""

    def __init__(self, *statuses: int) -> None:
        self.statuses = list(statuses)
        self.taken: list[tuple[dict[str, str], bytes]] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        self.taken.append((dict(request.headers), await request.read()))
        return web.Response(status=self.statuses.pop(0), headers={"Location": "/elsewhere"})


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    one = Receiver(204, 500, 302)
    app = web.Application()
    app.router.add_post("/webhooks", one.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    one.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks"
    yield one
    await runner.cleanup()


async def test_events_are_sent_on_as_signed_webhooks(
    server: SmallKadr, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(server, 1, 2, 3)
    async with listening(server, capsys, forward=receiver.url) as printed:
        found = await lines(printed, 3)
    (said,) = printed()[1].splitlines()
    secret = said.rpartition(" ")[2]
    assert secret.startswith("whsec_")
    taken = [verify_webhook(body, headers, secret) for headers, body in receiver.taken]
    assert taken == [event(1), event(2), event(3)]
    assert receiver.taken[0][0]["Content-Type"] == "application/json"
    answers = [line.partition("  -> ")[2] for line in found]
    assert [answer.rpartition(" in ")[0] for answer in answers] == [
        "204 No Content",
        "500 Internal Server Error",
        "302 Found",
    ]
    assert [answer.endswith(" ms") for answer in answers] == [True] * 3


async def test_a_secret_of_ones_own_is_not_shown(
    server: SmallKadr, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(server, 1)
    async with listening(server, capsys, forward=receiver.url, secret=SECRET) as printed:
        await lines(printed, 1)
    assert verify_webhook(receiver.taken[0][1], receiver.taken[0][0], SECRET)["id"] == "ev_1"
    assert printed()[1] == ""


async def test_a_program_that_is_being_started_is_waited_for(
    server: SmallKadr, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(server, 1)
    port, later = free_port(), Receiver(204)
    app = web.Application()
    app.router.add_post("/webhooks", later.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    async with listening(server, capsys, forward=f"http://127.0.0.1:{port}/webhooks", secret=SECRET) as printed:
        await until(lambda: asyncio.sleep(0, printed()[0]), lambda out: "ev_1" in out, within_s=10)
        await web.TCPSite(runner, "127.0.0.1", port).start()
        (line,) = await lines(printed, 1)
    await runner.cleanup()
    assert "-> 204 No Content" in line


async def test_a_program_that_is_not_running(
    server: SmallKadr, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kadr.commands.listen.STARTING_S", 0.1)
    tell(server, 1)
    nobody = f"http://127.0.0.1:{free_port()}/webhooks"
    async with listening(server, capsys, forward=nobody, secret=SECRET) as printed:
        (line,) = await lines(printed, 1)
    assert line.endswith(f"  -> nothing accepts connections at {nobody}")


async def test_a_lost_connection_is_told_and_waited_out(server: SmallKadr, capsys: pytest.CaptureFixture[str]) -> None:
    first = {"data": [event(1)], "next_cursor": "c1", "has_more": False}
    server.answers[FEED] = [{"data": [event(2)], "next_cursor": "c2", "has_more": False}]
    server.faults[FEED] = [web.json_response(first), 503, web.json_response(server.answers[FEED][0]), "hangs"]
    async with listening(server, capsys) as printed:
        found = await lines(printed, 2)
    assert [line.rpartition(" ")[2] for line in found] == ["ev_1", "ev_2"]
    assert printed()[1] == "kadr listen: It was told to. Trying again in 0 s\n"


async def test_what_cannot_begin(server: SmallKadr) -> None:
    nothing: dict[str, Any] = {"types": [], "last": None, "forward": None, "secret": None}
    target = Target(api=server.url, api_key=KEY)
    server.answers[FEED] = [problem(401, "unauthenticated")]
    with pytest.raises(CannotIngest, match="unauthenticated"):
        await listen(target, **nothing)
    with pytest.raises(ConfigError, match="--forward localhost:8000: must be a URL"):
        await listen(target, **{**nothing, "forward": "localhost:8000"})
    with pytest.raises(ConfigError, match="--secret"):
        await listen(target, **{**nothing, "forward": "http://localhost:8000", "secret": "whsec_short"})
    with pytest.raises(ConfigError, match="KADR_API_URL"):
        await listen(Target(api="localhost", api_key=KEY), **nothing)


def test_options() -> None:
    args = parser().parse_args(["listen", "--types", "video.asset.*,video.track.ready", "--last", "3"])
    assert (args.types, args.last, args.forward, args.secret) == (["video.asset.*", "video.track.ready"], 3, None, None)
    assert parser().parse_args(["listen"]).types == []
