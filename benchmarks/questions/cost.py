"""Does the model of `kadr cost` agree with a real run?

Uploads clips to a stack of its own, one after the other, and waits until every step has ended. Then the inputs are
measured from its database, as `kadr cost --measured` does it, and what the model makes of them for this catalogue is
compared with two things it has not seen: the CPU seconds of the workers and all their programs, by the kernel, and
the bytes that lie in storage. Agreed is what differs by at most 10 %; the command ends with 1 otherwise.

The kernel's CPU seconds include what the model leaves out: the workers' own Python.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.harness import client
from benchmarks.harness.machine import facts, report
from benchmarks.harness.stack import Stack, running, tree_cpu_s
from core.db import costs, postgres
from core.db.postgres import Pool
from core.errors import KadrError
from core.settings import Settings
from cost.bill import quantities
from cost.inputs import inputs_of
from cost.measured import measured_values
from presets.scenario import INSTALLATION, scenario

READY_WITHIN_S = 3600.0
# What was only played until the title was ready is deleted soon, as it is after a day otherwise.
SETTINGS = {"KADR_RENEWAL_S": "1", "KADR_RECONCILE_S": "2"}
MOST_OFF = 0.10
MEDIA = (".mp4", ".mov", ".webm", ".mkv", ".ts")
UNDER_WAY = """
SELECT (SELECT count(*) FROM steps WHERE state IN ('queued', 'leased') OR (state = 'done' AND cpu_s IS NULL))
    + (SELECT count(*) FROM garbage)
"""


async def measure(clips: Sequence[Path]) -> dict[str, Any]:
    """Run all clips and compare; what is refused is left out, and named."""
    async with running(1, SETTINGS) as stack:
        before_s = sum(map(tree_cpu_s, stack.worker_pids))
        refused = await _put_through(stack, clips)
        settings = Settings.load().model_copy(update={"database_url": stack.database_url})
        pool = await postgres.connect(settings)
        try:
            await _settled(pool)
            used_s = sum(map(tree_cpu_s, stack.worker_pids)) - before_s
            found = await costs.measured(pool)
        finally:
            await pool.close()
        stored = await asyncio.to_thread(_bytes_below, stack.home / "s3" / settings.media_bucket)
    about = scenario(INSTALLATION)
    work = quantities(inputs_of(about, measured=measured_values(about, found)))
    return {
        "benchmark": "cost",
        "clips": len(clips) - len(refused),
        "refused": refused,
        "cpu_s": _compared(work.stock_h * 3600, used_s),
        "bytes": _compared(work.stored_gb * 1e9, stored),
    }


async def _put_through(stack: Stack, clips: Sequence[Path]) -> dict[str, str]:
    refused = {}
    async with aiohttp.ClientSession() as session:
        for clip in clips:
            content = await asyncio.to_thread(clip.read_bytes)
            sent = await client.send(session, stack.api, clip.name, content)
            await client.complete(session, stack.api, sent)
            try:
                await client.ready(session, stack.api, sent, READY_WITHIN_S)
            except KadrError as exc:
                refused[clip.name] = str(exc)
    return refused


async def _settled(pool: Pool) -> None:
    """Wait until nothing is under way, the CPU time of what was is written, and garbage is deleted."""
    async with asyncio.timeout(READY_WITHIN_S):
        while True:
            if not await pool.fetchval(UNDER_WAY):
                return
            await asyncio.sleep(client.POLL_S)


def _bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _compared(model: float, real: float) -> dict[str, float]:
    return {"model": round(model, 3), "real": round(real, 3), "ratio": round(model / real, 4) if real else 0.0}


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench cost", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="+", type=Path, metavar="CLIP", help="video files, or folders of them")
    parser.add_argument("--most", type=int, default=20, help="clips at most (default: 20)")
    options = parser.parse_args(argv)
    found = [one for clip in options.clips for one in (sorted(clip.iterdir()) if clip.is_dir() else [clip])]
    clips = [clip for clip in found if clip.suffix in MEDIA][: options.most]
    if not clips:
        parser.error(f"no clip that ends in {', '.join(MEDIA)}")
    machine = facts()
    result = asyncio.run(measure(clips))
    lines = [f"{result['clips']} clips", f"{'':<8}{'model':>16}{'real':>16}{'ratio':>8}"]
    for name in ("cpu_s", "bytes"):
        one = result[name]
        lines.append(f"{name:<8}{one['model']:>16,.1f}{one['real']:>16,.1f}{one['ratio']:>8.3f}")
    for name, why in result["refused"].items():
        print(f"left out: {name}: {why}", file=sys.stderr)  # noqa: T201
    report("\n".join(lines), result, machine)
    return int(any(abs(result[name]["ratio"] - 1) > MOST_OFF for name in ("cpu_s", "bytes")))
