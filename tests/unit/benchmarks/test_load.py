"""The load of `kadr bench load` and `api`, what its steps say, and the arithmetic of `kadr bench capacity`."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.harness.client import Api
from benchmarks.harness.open_loop import Call, Load, climb, climb_in_turn, generate, too_much
from benchmarks.harness.programs import cores, cpu_s
from benchmarks.load.scenario import MIX, OF_ORIGIN, Scenario, clean_up
from benchmarks.questions import capacity
from benchmarks.questions.capacity import Assumptions, costs, of_rate, of_users
from benchmarks.questions.load import busiest, conclusion
from core.errors import ConfigError

FIRST_TAKES_S = 0.4


@dataclass(frozen=True)
class OneUrl:
    """The same request again and again."""

    url: str

    @property
    def kinds(self) -> Sequence[str]:
        return ("one",)

    def calls(self, process: int, random_numbers: random.Random) -> "OneUrl":
        return self

    def next(self) -> Call:
        return Call(kind="one", method="GET", url=self.url)

    def answered(self, call: Call, body: bytes) -> None:
        assert body == b"good"


async def test_latency_counts_from_when_a_request_was_due() -> None:
    seen = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal seen
        seen += 1
        if seen == 1:
            await asyncio.sleep(FIRST_TAKES_S)
        return web.Response(text="good") if seen < 4 else web.Response(status=500)

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server:
        load = Load(
            traffic=OneUrl(str(server.make_url("/"))),
            process=0,
            begin=time.monotonic(),
            interval_s=0.01,
            count=4,
            connections=1,
        )
        answers = await asyncio.to_thread(generate, load)
    latencies = [ms for _, ms in answers.good]
    assert len(latencies) == 3
    assert latencies[1] >= 1000 * (FIRST_TAKES_S - 0.02), "it waited for the only connection"
    assert answers.errors == Counter({"one: 500": 1})


def step(rate: float, p99: float | None, **more: Any) -> dict[str, Any]:
    latency = {"all": {"p50": 1.0, "p90": 2.0, "p99": p99, "max": 300.0}}
    return {"rate": rate, "answered_per_s": rate, "errors": {}, "busiest_generator": 0.2, "latency_ms": latency} | more


def test_the_rate_grows_until_it_is_too_much() -> None:
    steps, why = climb(lambda rate: step(rate, 199.0 if rate < 150 else 201.0), 100, until_too_much=True)
    assert [one["rate"] for one in steps] == [100, 125, 156.2]
    assert why == "p99 is 201.0 ms"
    assert climb(lambda rate: step(rate, 1.0), 100, until_too_much=False)[1] is None


def test_two_releases_get_each_rate_in_turn_until_both_had_too_much() -> None:
    order: list[tuple[str, float]] = []

    def release(name: str, knee: float) -> Callable[[float], dict[str, Any]]:
        def one(rate: float) -> dict[str, Any]:
            order.append((name, rate))
            return step(rate, 1.0 if rate <= knee else 201.0)

        return one

    found = climb_in_turn([release("new", 130), release("old", 100)], 100, until_too_much=True)
    assert order == [("new", 100), ("old", 100), ("new", 125.0), ("old", 125.0), ("new", 156.2)]
    assert [(len(steps), why) for steps, why in found] == [(3, "p99 is 201.0 ms"), (2, "p99 is 201.0 ms")]
    assert too_much(step(1, None)) == "p99 is None ms"
    assert too_much(step(1, 1.0, errors={"asset: 503": 1})) is not None


def test_what_the_steps_say() -> None:
    steps = [step(100, 1.0), step(125, 300.0, cores={"api": 0.98, "origin": 0.4})]
    fields, sentence = conclusion(steps, "p99 is 300.0 ms", knee=True)
    assert (fields["knee_per_s"], fields["too_much_per_s"]) == (100, 125)
    assert "api with 0.98 cores" in sentence
    assert conclusion(steps[1:], "p99 is 300.0 ms", knee=True)[0]["knee_per_s"] is None
    assert conclusion(steps[:1], None, knee=False) == ({"holds": True}, "100 requests a second: held")
    assert "load itself" in busiest(step(1, 1.0, busiest_generator=0.95))
    assert busiest(step(1, 1.0, cores={"api": 0.9, "redis": 0.1})) == "api with 0.9 cores"
    assert "is no full one" in busiest(step(1, 1.0, cores={"api": 0.4, "redis": 0.1}))


def test_the_scenario_aborts_what_it_has_begun() -> None:
    urls = {kind: [f"http://host/{kind}"] for kind in MIX}
    calls = Scenario(api=Api(url="http://api", key="k"), urls=urls).calls(0, random.Random(1))
    begun, aborted, kinds = [], [], Counter[str]()
    for number in range(20_000):
        call = calls.next()
        kinds[call.kind] += 1
        if call.kind == "create":
            begun.append(f"up_{number}")
            calls.answered(call, f'{{"data": {{"id": "up_{number}"}}}}'.encode())
        elif call.kind == "abort":
            aborted.append(call.url.rpartition("/")[2])
    assert len(aborted) > 300
    assert aborted == begun[: len(aborted)]
    shares = {kind: 100 * count / kinds.total() for kind, count in kinds.items()}
    assert shares == {kind: pytest.approx(wanted, abs=1.0) for kind, wanted in MIX.items()}


RESULT = {
    "mix": MIX,
    "seconds": 600.0,
    "steps": [
        step(500, 20.0, cores={"api": 0.3, "origin": 0.35, "postgresql": 0.25}),
        step(625, 300.0, cores={"api": 0.9, "origin": 0.9, "postgresql": 0.9}),
    ],
    "stopped_by": "p99 is 300.0 ms",
    "knee_per_s": 500.0,
    "too_much_per_s": 625.0,
    "busiest": "api with 0.9 cores",
    "machine": {"cpu": "a CPU", "cores": 2, "kernel": "Linux", "python": "3.11"},
}


def test_capacity_is_arithmetic_on_what_held() -> None:
    found, assumed = costs(RESULT), Assumptions(utilisation=0.5)
    assert sum(MIX[kind] for kind in OF_ORIGIN) == 70
    assert (found.api_ms, found.origin_ms) == (pytest.approx(2.0), pytest.approx(1.0))
    assert found.servers_ms["postgresql"] == pytest.approx(0.5)
    needed = of_rate(found, assumed, MIX, 1000)
    assert needed.cores["api"] == pytest.approx(300 * 0.002 / 0.5)
    assert needed.cores["origin"] == pytest.approx(700 * 0.001 / 0.5)
    assert needed.cores["postgresql"] == pytest.approx(1000 * 0.0005 / 0.5)
    users = of_users(found, Assumptions(starts=10, peak=2, requests_a_start=3, api_requests_a_start=1), 2_592_000)
    assert (users.origin_per_s, users.api_per_s) == (pytest.approx(60), pytest.approx(20))


def test_the_page_names_what_was_measured_and_what_is_assumed() -> None:
    text = capacity.page(RESULT, Assumptions())
    assert "| api, a request of its own | 2.000 |" in text
    assert "| `utilisation` | 0.6 |" in text
    assert "| 50,000 requests a second | 15,000 | 35,000 | 50.0 |" in text
    assert "the knee of this one machine was at 500" in text
    assert "| 10M monthly users |" in text


def test_a_rate_that_did_not_hold_computes_nothing() -> None:
    cores_used = {"api": 0.9, "origin": 0.9}
    alone = {"mix": MIX, "seconds": 600.0, "steps": [step(500, 900.0, cores=cores_used)], "holds": False}
    with pytest.raises(ConfigError, match="no step of this run held"):
        costs(alone)


async def test_only_what_the_load_has_made_is_removed() -> None:
    titles = {"as_ours": ("kadr bench load", "kadr-bench:load"), "as_theirs": ("How we run kadr bench load", "")}

    async def listed(request: web.Request) -> web.Response:
        wanted, part = request.query.get("ref"), request.query.get("q", "")
        found = [
            {"id": name} for name, (title, ref) in titles.items() if part in title and (wanted is None or ref == wanted)
        ]
        return web.json_response({"data": found})

    async def deleted(request: web.Request) -> web.Response:
        del titles[request.match_info["id"]]
        return web.Response(status=204)

    app = web.Application()
    app.router.add_get("/v1/assets", listed)
    app.router.add_delete("/v1/assets/{id}", deleted)
    async with TestServer(app) as server:
        await clean_up(Api(url=str(server.make_url("")).rstrip("/"), key="k"))
    assert list(titles) == ["as_theirs"]


def test_a_run_without_cpu_time_computes_nothing() -> None:
    with pytest.raises(ConfigError, match="--running"):
        costs({**RESULT, "steps": [step(500, 20.0)]})


def test_programs_are_told_by_their_names() -> None:
    used = cpu_s(os.getppid())
    assert sum(used.values()) > 0
    assert cores({"api": 1.0}, {"api": 3.0, "origin": 4.0}, 2.0) == {"origin": 2.0, "api": 1.0}
