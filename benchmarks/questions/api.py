"""How many mixed reads a second does the API answer, and how fast?

A load of reads on the API of a running stack: 70 % GET of an asset, 20 % lists, 10 % uploads shown (which lists storage
and signs the URLs of missing parts). Requests start at fixed times, whatever became of the earlier ones, over a bounded
number of connections; latency is counted from the time a request was *due*, so waiting for a free connection is in it.
The load comes from processes of its own, each with its own event loop. On one machine they take CPU from the API.
--own: of a stack that the benchmark starts, with a few ready assets.
"""

import argparse
import asyncio
import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.harness import client
from benchmarks.harness.client import Api
from benchmarks.harness.clips import small_clip, unlike
from benchmarks.harness.machine import facts, report
from benchmarks.harness.open_loop import SLOW_MS, STEP, Call, climb, generator, table
from benchmarks.harness.stack import running

MIX = {"asset": 70, "list": 20, "upload": 10}
OPEN_UPLOADS = 20
OWN_ASSETS = 4
UPLOAD_BYTES = 40 * 1024 * 1024  # three parts of the default size


@dataclass(frozen=True, slots=True, kw_only=True)
class Reads:
    """Reads of the API by MIX: paths of each kind."""

    api: Api
    paths: dict[str, list[str]]

    @property
    def kinds(self) -> Sequence[str]:
        return tuple(MIX)

    def calls(self, process: int, random_numbers: random.Random) -> "ReadCalls":
        return ReadCalls(self, random_numbers)


class ReadCalls:
    """Requests of the mix, chosen at random."""

    def __init__(self, reads: Reads, random_numbers: random.Random) -> None:
        self._reads = reads
        self._random = random_numbers
        self._kinds, self._weights = tuple(MIX), tuple(MIX.values())

    def next(self) -> Call:
        kind = self._random.choices(self._kinds, self._weights)[0]
        api, path = self._reads.api, self._random.choice(self._reads.paths[kind])
        return Call(kind=kind, method="GET", url=api.url + path, headers=api.headers)

    def answered(self, call: Call, body: bytes) -> None:
        """Ignore the answer: no later request depends on it."""


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


def run_steps(api: Api, options: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, int], str | None]:
    """All steps, what the assets are, and why the last step was too much, if it was."""
    paths, assets = asyncio.run(prepare(api))
    try:
        with generator(options.processes, options.connections) as sending:
            reads = Reads(api=api, paths=paths)
            steps, why = climb(
                lambda rate: sending.step(reads, rate, options.seconds), options.rate, until_too_much=options.find_limit
            )
    finally:
        asyncio.run(clean_up(api, paths))
    return steps, assets, why


async def _on_own_stack(options: argparse.Namespace) -> tuple[list[dict[str, Any]], dict[str, int], str | None]:
    """`run_steps` on a stack that is started for it, with OWN_ASSETS ready assets."""
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        content = await asyncio.to_thread(small_clip, Path(folder))
    async with running(workers=1) as stack:
        async with aiohttp.ClientSession() as session:
            for _ in range(OWN_ASSETS):
                sent = await client.send(session, stack.api, "small.mp4", unlike(content))
                await client.complete(session, stack.api, sent)
                await client.ready(session, stack.api, sent)
        return await asyncio.to_thread(run_steps, stack.api, options)


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
    shown = table(steps)
    result: dict[str, Any] = {"benchmark": "api", "mix": MIX, "assets": assets, "steps": steps}
    if options.find_limit:
        held, rate = [step["rate"] for step in steps[:-1]], steps[-1]["rate"]
        result |= {"limit_per_s": held[-1] if held else None, "stopped_by": why}
        shown += f"\nlimit: {held[-1] if held else 'below the first rate'} ({rate} was too much: {why})"
    report(shown, result, machine)
    return 0
