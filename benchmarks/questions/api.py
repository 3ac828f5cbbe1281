"""How many mixed reads a second does the API answer, and how fast?

A load of reads on the API of a running stack: 70 % GET of an asset, 20 % lists, 10 % uploads shown (which lists storage
and signs the URLs of missing parts). Requests start at fixed times, whatever became of the earlier ones, over a bounded
number of connections; latency is counted from the time a request was *due*, so waiting for a free connection is in it.
The load comes from processes of its own, each with its own event loop. On one machine they take CPU from the API.
--own: of a stack that the benchmark starts, with a few ready assets.
"""

import argparse
import asyncio
import math
import random
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.harness import client
from benchmarks.harness.client import Api
from benchmarks.harness.clips import small_clip, unlike
from benchmarks.harness.machine import facts, report
from benchmarks.harness.stack import running

MIX = {"asset": 70, "list": 20, "upload": 10}
SLOW_MS = 200.0
TIMEOUT_S = 10.0
CONNECT_S = 3.0  # from the start of the processes to the first request
STEP = 1.25
OPEN_UPLOADS = 20
OWN_ASSETS, READY_WITHIN_S = 4, 600.0
UPLOAD_BYTES = 40 * 1024 * 1024  # three parts of the default size


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one process sends. `begin` and `interval_s` are on the monotonic clock, which all processes share."""

    api: Api
    paths: dict[str, list[str]]
    begin: float
    interval_s: float
    count: int
    connections: int
    seed: int


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
    chosen = random.Random(load.seed).choices(list(MIX), weights=list(MIX.values()), k=load.count)
    pick = random.Random(load.seed + 1)
    turns = iter(enumerate(chosen))
    connector = aiohttp.TCPConnector(limit=load.connections)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=load.api.headers) as session:

        async def connection() -> None:
            for number, kind in turns:
                due = load.begin + number * load.interval_s
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                url = load.api.url + pick.choice(load.paths[kind])
                try:
                    async with session.get(url) as answer:
                        await answer.read()
                        status = answer.status
                except (aiohttp.ClientError, TimeoutError) as exc:
                    errors[type(exc).__name__] += 1
                    continue
                if status == 200:
                    good.append((kind, (time.monotonic() - due) * 1000))
                else:
                    errors[str(status)] += 1

        async with asyncio.TaskGroup() as group:
            for _ in range(load.connections):
                group.create_task(connection())
    return Answers(good=good, errors=errors, ended=time.monotonic(), cpu_s=_own_cpu_s() - used_before)


def _own_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def prepare(api: Api) -> tuple[dict[str, list[str]], dict[str, int]]:
    """The paths of each kind, and what the assets among them are. Makes open uploads, for `clean_up` to remove."""
    async with aiohttp.ClientSession() as session:
        body = {"filename": "benchmark.mp4", "size_bytes": UPLOAD_BYTES}
        uploads = [await api.call(session, "POST", "/v1/uploads", body) for _ in range(OPEN_UPLOADS)]
        assets = await api.call(session, "GET", "/v1/assets?limit=100")
    paths = {
        "asset": [f"/v1/assets/{asset['id']}" for asset in assets],
        "list": ["/v1/assets", "/v1/assets?limit=50"],
        "upload": [f"/v1/uploads/{upload['id']}" for upload in uploads],
    }
    return paths, dict(Counter(asset["status"] for asset in assets))


async def clean_up(api: Api, paths: dict[str, list[str]]) -> None:
    """Abort the uploads that `prepare` made; their assets go with them."""
    async with aiohttp.ClientSession(headers=api.headers) as session:
        for path in paths["upload"]:
            async with session.delete(api.url + path) as answer:
                await answer.read()


def measure(
    pool: ProcessPoolExecutor,
    processes: int,
    api: Api,
    paths: dict[str, list[str]],
    rate: float,
    seconds: float,
    connections: int,
) -> dict[str, Any]:
    """One step: `rate` requests a second for `seconds`."""
    begin = time.monotonic() + CONNECT_S
    loads = [
        Load(
            api=api,
            paths=paths,
            begin=begin + number / rate,
            interval_s=processes / rate,
            count=round(rate * seconds / processes),
            connections=max(1, connections // processes),
            seed=number,
        )
        for number in range(processes)
    ]
    parts = list(pool.map(generate, loads))
    good = list(chain.from_iterable(part.good for part in parts))
    errors = sum((part.errors for part in parts), Counter[str]())
    took = max(part.ended for part in parts) - begin
    return {
        "rate": rate,
        "answered_per_s": round(len(good) / took, 1),
        "requests": sum(load.count for load in loads),
        "errors": dict(errors),
        # Near 1, the load and not the API is what this step measured: give it more --processes, or another machine.
        "busiest_generator": round(max(part.cpu_s for part in parts) / took, 2),
        "latency_ms": {
            "all": quantiles([ms for _, ms in good]),
            **{kind: quantiles([ms for named, ms in good if named == kind]) for kind in MIX},
        },
    }


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


def run_steps(api: Api, options: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, int], str | None]:
    """All steps, what the assets are, and why the last step was too much, if it was."""
    paths, assets = asyncio.run(prepare(api))
    steps: list[dict[str, Any]] = []
    rate = options.rate
    try:
        # Spawned, so that no loop or connection of this process is inherited.
        with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
            while True:
                steps.append(measure(pool, options.processes, api, paths, rate, options.seconds, options.connections))
                why = too_much(steps[-1])
                if why or not options.find_limit:
                    return steps, assets, why
                rate = round(rate * STEP, 1)
    finally:
        asyncio.run(clean_up(api, paths))


async def _on_own_stack(options: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, int], str | None]:
    """`run_steps` on a stack that is started for it, with OWN_ASSETS ready assets."""
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        content = await asyncio.to_thread(small_clip, Path(folder))
    async with running(workers=1) as stack:
        async with aiohttp.ClientSession() as session:
            for _ in range(OWN_ASSETS):
                sent = await client.send(session, stack.api, "small.mp4", unlike(content))
                await client.complete(session, stack.api, sent)
                await client.ready(session, stack.api, sent, READY_WITHIN_S)
        return await asyncio.to_thread(run_steps, stack.api, options)


def _table(steps: list[dict[str, Any]]) -> str:
    lines = [
        f"{'target/s':>8} {'got/s':>8} {'kind':<7} {'p50 ms':>7} {'p90 ms':>7} {'p99 ms':>7} {'max ms':>7}  errors"
    ]
    for step in steps:
        for kind, found in step["latency_ms"].items():
            head = f"{step['rate']:>8.0f} {step['answered_per_s']:>8.1f}" if kind == "all" else " " * 17
            shown = " ".join(f"{'-' if ms is None else ms:>7}" for ms in found.values())
            lines.append(f"{head} {kind:<7} {shown}  {sum(step['errors'].values()) if kind == 'all' else ''}".rstrip())
    lines.append("target/s, got/s: requests a second sent and answered; p50 to p99: percentiles of latency")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench api", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=100.0, help="requests a second (default: 100)")
    parser.add_argument("--seconds", type=float, default=30.0, help="duration of each step (default: 30)")
    parser.add_argument(
        "--connections", type=int, default=64, help="maximum number of connections, over all processes (default: 64)"
    )
    parser.add_argument("--processes", type=int, default=1, help="processes that generate load (default: 1)")
    parser.add_argument(
        "--find-limit",
        action="store_true",
        help=f"raise the rate by {STEP - 1:.0%}% a step until a request fails or p99 is above {SLOW_MS:.0f} ms",
    )
    parser.add_argument("--own", action="store_true", help="start a stack for it (default: the one in KADR_HOME)")
    options = parser.parse_args(argv)
    if min(options.rate, options.seconds, options.connections, options.processes) <= 0:
        parser.error("rate, seconds, connections and processes are above 0")
    machine = facts()
    if options.own:
        steps, assets, why = asyncio.run(_on_own_stack(options))
    else:
        steps, assets, why = run_steps(Api.from_environment(), options)
    table = _table(steps)
    result: dict[str, Any] = {"benchmark": "api", "mix": MIX, "assets": assets, "steps": steps}
    if options.find_limit:
        held, rate = [step["rate"] for step in steps[:-1]], steps[-1]["rate"]
        result |= {"limit_per_s": held[-1] if held else None, "stopped_by": why}
        table += f"\nlimit: {held[-1] if held else 'below the first rate'} ({rate} was too much: {why})"
    report(table, result, machine)
    return 0
