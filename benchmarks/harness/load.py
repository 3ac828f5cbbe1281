"""Many GETs over a fixed number of kept connections, each sent as soon as the last answer is there.

In: where, which paths in turn, how many connections, how long. Out: rates and latencies. By wrk where it is installed
(Debian: `apt-get install wrk`); else by processes of our own, which cost several times the CPU for the same load.
"""

import asyncio
import json
import math
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import KadrError

GRACE_S = 30.0
# wrk hands the paths out in turn; requests are written once, so that writing them costs the load nothing.
_SCRIPT = """
local requests, n = {}, 0
function init(args)
  for line in io.lines(args[1]) do requests[#requests + 1] = wrk.format("GET", line) end
end
function request() n = n % #requests + 1; return requests[n] end
function done(summary, latency)
  local e = summary.errors
  io.write(string.format('\\n{"requests":%d,"microseconds":%d,"bytes":%d,"p50_us":%d,"p99_us":%d,"errors":%d}\\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99),
    e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """Result of one load test: counts, duration in seconds, bytes, latencies in ms."""

    requests: int
    seconds: float
    bytes: int
    p50_ms: float
    p99_ms: float
    errors: int


def generator() -> str:
    """Name of the load generator used here: "wrk", or "own" where wrk is not installed."""
    return "wrk" if shutil.which("wrk") else "own"


async def load(base: str, paths: Sequence[str], connections: int, seconds: float) -> LoadResult:
    """Run one load test of `seconds`. Raises KadrError where no request succeeded."""
    run = _by_wrk if shutil.which("wrk") else _by_own_processes
    answered = await run(base, paths, connections, seconds)
    if not answered.requests or answered.errors == answered.requests:
        raise KadrError(f"{base}{paths[0]}: no good answer ({answered})")
    return answered


async def _by_wrk(base: str, paths: Sequence[str], connections: int, seconds: float) -> LoadResult:
    with tempfile.TemporaryDirectory(prefix="kadr-load-") as folder:
        script, listed = Path(folder) / "paths.lua", Path(folder) / "paths"
        script.write_text(_SCRIPT)
        listed.write_text("\n".join(paths))
        command = ("wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s")
        wrk = await asyncio.create_subprocess_exec(
            *(*command, "--latency", "-s", str(script), base, "--", str(listed)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(wrk.communicate(), seconds + GRACE_S)
    if wrk.returncode:
        raise KadrError(f"wrk: {output.decode(errors='replace')[-500:]}")
    result = json.loads(output.decode().strip().splitlines()[-1])
    return LoadResult(
        requests=result["requests"],
        seconds=result["microseconds"] / 1e6,
        bytes=result["bytes"],
        p50_ms=result["p50_us"] / 1000,
        p99_ms=result["p99_us"] / 1000,
        errors=result["errors"],
    )


async def _by_own_processes(base: str, paths: Sequence[str], connections: int, seconds: float) -> LoadResult:
    processes = min(connections, os.cpu_count() or 1)
    shares = [connections // processes + (number < connections % processes) for number in range(processes)]
    loop = asyncio.get_running_loop()
    # Spawned, so that no loop or connection of this process is inherited.
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        runs = [loop.run_in_executor(pool, _one_process, base, list(paths), share, seconds) for share in shares]
        parts = await asyncio.gather(*runs)
    times = sorted(ms for result, _, _ in parts for ms in result)

    def at(share: float) -> float:
        return times[max(0, math.ceil(share * len(times)) - 1)] if times else 0.0

    return LoadResult(
        requests=len(times),
        seconds=seconds,
        bytes=sum(received for _, received, _ in parts),
        p50_ms=at(0.5),
        p99_ms=at(0.99),
        errors=sum(errors for _, _, errors in parts),
    )


def _one_process(base: str, paths: list[str], connections: int, seconds: float) -> tuple[list[float], int, int]:
    """Run one load process: (latencies in ms, bytes received, errors)."""
    return asyncio.run(_many(base, paths, connections, seconds))


async def _many(base: str, paths: list[str], connections: int, seconds: float) -> tuple[list[float], int, int]:
    times: list[float] = []
    received = errors = turn = 0
    where, end = urlsplit(base), time.monotonic() + seconds

    async def connection() -> None:
        nonlocal received, errors, turn
        reader, writer = await asyncio.open_connection(where.hostname, where.port, limit=1024 * 1024)
        while time.monotonic() < end:
            turn += 1
            began = time.monotonic()
            writer.write(f"GET {paths[turn % len(paths)]} HTTP/1.1\r\nHost: {where.netloc}\r\n\r\n".encode())
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            left = length = int(head.partition(b"content-length:")[2].split()[0])
            while left:
                left -= len(await reader.read(min(left, 1024 * 1024)))
            times.append((time.monotonic() - began) * 1000)
            received += len(head) + length
            errors += b" 200 " not in head[:20]
        writer.close()

    async with asyncio.TaskGroup() as group:
        for _ in range(connections):
            group.create_task(connection())
    return times, received, errors
