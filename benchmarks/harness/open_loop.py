"""Requests at fixed times, whatever became of the earlier ones, from processes of their own.

In: `Traffic`, which says what to send, and a rate. Out: latencies by kind, errors by name, and whether the load itself
was the limit. Latency is counted from the time a request was *due*, so waiting for a free connection is in it. On one
machine the load takes CPU from what it measures.
"""

import asyncio
import math
import random
import resource
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain
from multiprocessing import get_context
from typing import Any, Protocol

import aiohttp

SLOW_MS = 200.0
TIMEOUT_S = 10.0
CONNECT_S = 3.0  # from the start of the processes to the first request
STEP = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request, and the status that is a good answer to it. `body` is sent as JSON."""

    kind: str
    method: str
    url: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None


class Calls(Protocol):
    """What one process sends, one after the other."""

    def next(self) -> Call: ...
    def answered(self, call: Call, body: bytes) -> None:
        """A good answer; what is sent later may depend on it."""


class Traffic(Protocol):
    """A mix of requests. It is sent to every process, so it can be pickled."""

    @property
    def kinds(self) -> Sequence[str]: ...
    def calls(self, process: int, random_numbers: random.Random) -> Calls: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one process sends. `begin` and `interval_s` are on the monotonic clock, which all processes share."""

    traffic: Traffic
    process: int
    begin: float
    interval_s: float
    count: int
    connections: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """Of one process: (kind, latency in ms) of what was answered well, the errors by name, and its own CPU time."""

    good: list[tuple[str, float]]
    errors: Counter[str]
    ended: float
    cpu_s: float


def generate(load: Load) -> Answers:
    """Runs in a process of its own."""
    return asyncio.run(_generate(load))


async def _generate(load: Load) -> Answers:
    good: list[tuple[str, float]] = []
    errors: Counter[str] = Counter()
    used_before = _own_cpu_s()
    calls = load.traffic.calls(load.process, random.Random(load.process))
    turns = iter(range(load.count))
    connector = aiohttp.TCPConnector(limit=load.connections)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:

        async def connection() -> None:
            for number in turns:
                due = load.begin + number * load.interval_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                call = calls.next()
                try:
                    async with session.request(call.method, call.url, json=call.body, headers=call.headers) as answer:
                        body = await answer.read()
                        status = answer.status
                except (aiohttp.ClientError, TimeoutError) as exc:
                    errors[f"{call.kind}: {type(exc).__name__}"] += 1
                    continue
                if status == call.status:
                    good.append((call.kind, (time.monotonic() - due) * 1000))
                    calls.answered(call, body)
                else:
                    errors[f"{call.kind}: {status}"] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(load.connections):
                group.create_task(connection())
    return Answers(good=good, errors=errors, ended=time.monotonic(), cpu_s=_own_cpu_s() - used_before)


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


@dataclass(frozen=True, slots=True, kw_only=True)
class Generator:
    """Processes that send, and how many connections they have together."""

    pool: ProcessPoolExecutor
    processes: int
    connections: int

    def step(self, traffic: Traffic, rate: float, seconds: float) -> dict[str, Any]:
        """`rate` requests a second for `seconds`."""
        begin = time.monotonic() + CONNECT_S
        loads = [
            Load(
                traffic=traffic,
                process=number,
                begin=begin + number / rate,
                interval_s=self.processes / rate,
                count=round(rate * seconds / self.processes),
                connections=max(1, self.connections // self.processes),
            )
            for number in range(self.processes)
        ]
        parts = list(self.pool.map(generate, loads))
        good = list(chain.from_iterable(part.good for part in parts))
        errors = sum((part.errors for part in parts), Counter[str]())
        took = max(part.ended for part in parts) - begin
        return {
            "rate": rate,
            "answered_per_s": round(len(good) / took, 1),
            "requests": sum(load.count for load in loads),
            "errors": dict(errors),
            # Near 1, the load and not the server is what this step measured: give it more --processes, or another
            # machine.
            "busiest_generator": round(max(part.cpu_s for part in parts) / took, 2),
            "latency_ms": {
                "all": quantiles([ms for _, ms in good]),
                **{kind: quantiles([ms for named, ms in good if named == kind]) for kind in traffic.kinds},
            },
        }


@contextmanager
def generator(processes: int, connections: int) -> Iterator[Generator]:
    """Start the processes: spawned, so that no loop or connection of this one is inherited."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield Generator(pool=pool, processes=processes, connections=connections)


def climb(
    step: Callable[[float], dict[str, Any]], rate: float, *, until_too_much: bool
) -> tuple[list[dict[str, Any]], str | None]:
    """One step, or steps of a growing rate until one is too much; and why the last one was, if it was."""
    (found,) = climb_in_turn([step], rate, until_too_much=until_too_much)
    return found


def climb_in_turn(
    ways: Sequence[Callable[[float], dict[str, Any]]], rate: float, *, until_too_much: bool
) -> list[tuple[list[dict[str, Any]], str | None]]:
    """`climb` of several ways that are compared: each rate is tried on all that still hold, one after the other."""
    steps: list[list[dict[str, Any]]] = [[] for _ in ways]
    reasons: list[str | None] = [None] * len(ways)
    while True:
        for number, way in enumerate(ways):
            if reasons[number] is None:
                steps[number].append(way(rate))
                reasons[number] = too_much(steps[number][-1])
        if all(reasons) or not until_too_much:
            return list(zip(steps, reasons, strict=True))
        rate = round(rate * STEP, 1)


def quantiles(values: list[float]) -> dict[str, float | None]:
    """By nearest rank: every number is one that was measured."""
    ordered = sorted(values)

    def at(share: float) -> float | None:
        return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1) if ordered else None

    return {"p50": at(0.5), "p90": at(0.9), "p99": at(0.99), "max": at(1.0)}


def too_much(step: dict[str, Any]) -> str | None:
    """Why this rate is beyond the limit, or None."""
    p99 = step["latency_ms"]["all"]["p99"]
    if step["errors"]:
        return f"errors: {step['errors']}"
    return f"p99 is {p99} ms" if p99 is None or p99 > SLOW_MS else None


def table(steps: list[dict[str, Any]]) -> str:
    """A row for each step and each kind of request in it."""
    lines = [
        f"{'target/s':>8} {'got/s':>8} {'kind':<8} {'p50 ms':>7} {'p90 ms':>7} {'p99 ms':>7} {'max ms':>7}  errors"
    ]
    for step in steps:
        for kind, found in step["latency_ms"].items():
            head = f"{step['rate']:>8.0f} {step['answered_per_s']:>8.1f}" if kind == "all" else " " * 17
            shown = " ".join(f"{'-' if ms is None else ms:>7}" for ms in found.values())
            lines.append(f"{head} {kind:<8} {shown}  {sum(step['errors'].values()) if kind == 'all' else ''}".rstrip())
    lines.append("target/s, got/s: requests a second sent and answered; p50 to p99: percentiles of latency")
    return "\n".join(lines)
