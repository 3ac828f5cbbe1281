"""How much faster is a second worker?

Two clips (`--clips`) are completed at the same moment, once with one worker and once with two, in turn, each time on a
stack of its own (`KADR_UP_WORKERS`). wall_s runs from the first completed upload until all are ready.
One long clip shows the effect of chunked encoding.

ffmpeg uses several cores by itself: where one encode keeps the machine busy, two workers share it and the ratio stays
near 1. `--pin` gives each worker one core of its own, as if each were a machine of one core.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.harness import client
from benchmarks.harness.clips import read_clip, unlike
from benchmarks.harness.machine import facts, report
from benchmarks.harness.stack import running

COUNTS = (1, 2)
READY_WITHIN_S = 3600.0


async def all_ready_s(workers: int, clips: int, name: str, content: bytes, pin: bool) -> float:
    """Seconds from the first completed upload until every clip is ready."""
    async with running(workers) as stack, aiohttp.ClientSession() as session:
        if pin:
            for core, pid in enumerate(stack.worker_pids):
                os.sched_setaffinity(pid, {core})  # and with it every program it starts
        sent = [await client.send(session, stack.api, name, unlike(content)) for _ in range(clips)]
        completed = await asyncio.gather(*(client.complete(session, stack.api, one) for one in sent))
        assets = await asyncio.gather(*(client.ready(session, stack.api, one, READY_WITHIN_S) for one in sent))
    # ready_s counts from each upload's completion, by the database's clock: finer than how often we ask.
    ends: list[float] = [at + asset["timings"]["ready_s"] for at, asset in zip(completed, assets, strict=True)]
    return max(ends) - min(completed)


async def compare(name: str, content: bytes, *, clips: int, repeat: int, pin: bool) -> dict[str, Any]:
    walls: dict[int, list[float]] = {count: [] for count in COUNTS}
    for _ in range(repeat):
        for count in COUNTS:
            walls[count].append(await all_ready_s(count, clips, name, content, pin))
    medians = {count: statistics.median(found) for count, found in walls.items()}
    return {
        "benchmark": "workers",
        "clip": {"name": name, "bytes": len(content)},
        "clips": clips,
        "pinned": pin,
        "wall_s": {count: {"median": round(medians[count], 3), "runs": walls[count]} for count in COUNTS},
        "speedup": round(medians[1] / medians[2], 3),
    }


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench workers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, help="MP4 or MOV to encode (default: a generated clip, 10 s of 720p)")
    parser.add_argument(
        "--clips", type=int, default=2, help="copies uploaded at once (default: 2; 1 shows the effect of chunks)"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs with each number of workers (default: 3)")
    parser.add_argument(
        "--pin", action="store_true", help="pin each worker and its child processes to a core of its own"
    )
    options = parser.parse_args(argv)
    if min(options.repeat, options.clips) < 1:
        parser.error("--repeat and --clips are at least 1")
    machine = facts()
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        name, content = read_clip(options.clip, Path(folder))
    result = asyncio.run(compare(name, content, clips=options.clips, repeat=options.repeat, pin=options.pin))
    lines = [
        f"{options.clips} x {name} on {machine.cores} cores, medians of {options.repeat}",
        f"{'workers':<8} {'wall s':>8}",
    ]
    lines += [f"{count:<8} {result['wall_s'][count]['median']:>8.2f}" for count in COUNTS]
    lines.append(f"{'speedup':<8} {result['speedup']:>8.3f}")
    report("\n".join(lines), result, machine)
    return 0
