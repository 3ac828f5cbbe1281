"""What does the pipeline cost beyond the encode itself?

The peer is two parallel ffmpeg commands, video and audio, with the same arguments that the pipeline would use for
this clip on the fixed ladder in one piece (probe, plan, video_argv, audio_argv): no early playback, no loudness, no
upload, no hashing, no storage, no sandbox, no checks, no playlists. Both run in turn on one machine, at the same
niceness, each time on a file with new content; medians are compared.

wall_s of the pipeline: from the first call of the API until the asset is ready, upload included.
cpu_s of the pipeline: what all processes of the stack used meanwhile (PostgreSQL, Redis, S3, API, origin, worker, and
every program they started), read from /proc before and after, while nothing is under way; what the stack uses when
idle is in it, and is shown. The uploading client, this process, is not part of the stack and is shown apart.
wall_s and cpu_s of ffmpeg: from its start to its end, and what the kernel counted for it.
"""

import argparse
import asyncio
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.harness import client
from benchmarks.harness.clips import read_clip, unlike
from benchmarks.harness.machine import facts, report
from benchmarks.harness.stack import Stack, running
from core.errors import KadrError
from core.sandbox.child import ChildRunner
from core.settings import Settings
from transcode.encode.argv import audio_argv, video_argv
from transcode.encode.capabilities import ffmpeg_binary
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import EncodePlan, Options
from transcode.probe.probe import probe

NICE = 5  # of the pipeline's encodes (transcode.encode.renditions)
IDLE_S = 5.0
SETTLE_S = 1.0  # after ready: logs, tidying up
READY_WITHIN_S = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One way through once. `client_cpu_s` is this process's share, 0 for ffmpeg alone."""

    wall_s: float
    cpu_s: float
    client_cpu_s: float = 0.0


async def pipeline(stack: Stack, session: aiohttp.ClientSession, name: str, content: bytes) -> Run:
    content = unlike(content)
    before, own_before = stack.cpu_s(), time.process_time()
    began = time.monotonic()
    sent = await client.send(session, stack.api, name, content, ladder="apple")
    completed = await client.complete(session, stack.api, sent)
    asset = await client.ready(session, stack.api, sent, READY_WITHIN_S)
    own = time.process_time() - own_before
    await asyncio.sleep(SETTLE_S)
    # ready_s counts from the moment the upload completed, by the database's clock: finer than how often we ask.
    wall_s = completed - began + asset["timings"]["ready_s"]
    return Run(wall_s=wall_s, cpu_s=stack.cpu_s() - before, client_cpu_s=own)


def by_hand(decided: EncodePlan, binary: str, content: bytes) -> Run:
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        source = Path(folder) / "source"
        source.write_bytes(unlike(content))
        commands = [
            video_argv(decided, binary, source, first=0, end=decided.frames, rungs=decided.rungs),
            *(audio_argv(decided, binary, source, sound) for sound in decided.audio),
        ]
        commands = [["nice", "-n", str(NICE), *command] for command in commands]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        began = time.monotonic()
        programs = [
            subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for command in commands
        ]
        codes = [program.wait() for program in programs]
        wall_s = time.monotonic() - began
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if any(codes):
        raise KadrError(f"by hand: exit codes {codes}")
    return Run(wall_s=wall_s, cpu_s=after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


async def decide(content: bytes, settings: Settings) -> EncodePlan:
    """The plan the pipeline would make of it."""
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        source, work = Path(folder) / "source", Path(folder) / "work"
        await asyncio.to_thread(source.write_bytes, content)
        await asyncio.to_thread(work.mkdir)
        runner = await ChildRunner.detect(settings.sandbox)
        found, index = await probe(
            source, work, runner, max_pixels=settings.max_pixels, max_duration_s=settings.max_duration_s
        )
    return build_plan(found, index, Options(ladder="apple", chunk_s=None))


async def compare(name: str, content: bytes, repeat: int) -> dict[str, Any]:
    """Both ways in turn, `repeat` times each, after one uncounted warm-up of both."""
    settings = Settings.load()
    binary = ffmpeg_binary(settings)
    decided = await decide(content, settings)
    pipelines: list[Run] = []
    commands: list[Run] = []
    async with running(workers=1) as stack, aiohttp.ClientSession() as session:
        await pipeline(stack, session, name, content)
        await asyncio.to_thread(by_hand, decided, binary, content)
        idle_before = stack.cpu_s()
        await asyncio.sleep(IDLE_S)
        idle = (stack.cpu_s() - idle_before) / IDLE_S
        for _ in range(repeat):
            pipelines.append(await pipeline(stack, session, name, content))
            commands.append(await asyncio.to_thread(by_hand, decided, binary, content))
    return {
        "benchmark": "overhead",
        "clip": {"name": name, "bytes": len(content), "seconds": float(decided.duration_s)},
        "rungs": [f"{rung.width}x{rung.height}" for rung in decided.rungs],
        "preset": decided.preset,
        "pipeline": _summary(pipelines),
        "ffmpeg": _summary(commands),
        "ratio": {what: round(_median(pipelines, what) / _median(commands, what), 3) for what in ("wall_s", "cpu_s")},
        "idle_cpu_per_s": round(idle, 4),
    }


def _median(runs: list[Run], what: str) -> float:
    values: list[float] = [getattr(run, what) for run in runs]
    return statistics.median(values)


def _summary(runs: list[Run]) -> dict[str, Any]:
    medians = {what: round(_median(runs, what), 3) for what in ("wall_s", "cpu_s", "client_cpu_s")}
    return {"median": medians, "runs": [{key: round(value, 3) for key, value in asdict(run).items()} for run in runs]}


def _table(result: dict[str, Any]) -> str:
    clip = result["clip"]
    lines = [
        f"{clip['name']}: {clip['seconds']:.1f} s, rungs {', '.join(result['rungs'])}, preset {result['preset']}",
        f"{'':<10} {'wall s':>8} {'CPU s':>8} {'client CPU s':>13}",
    ]
    for name in ("pipeline", "ffmpeg"):
        found = result[name]["median"]
        lines.append(f"{name:<10} {found['wall_s']:>8.2f} {found['cpu_s']:>8.2f} {found['client_cpu_s']:>13.2f}")
    ratio, count = result["ratio"], len(result["pipeline"]["runs"])
    lines.append(f"{'ratio':<10} {ratio['wall_s']:>8.3f} {ratio['cpu_s']:>8.3f}   (medians of {count})")
    lines.append(f"idle stack: {result['idle_cpu_per_s']:.3f} CPU s a second")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench overhead", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--clip", type=Path, help="MP4 or MOV to encode (default: a generated clip, 10 s of 720p)")
    parser.add_argument(
        "--repeat",
        type=int,
        default=3,
        help="measured runs of the pipeline and of ffmpeg (default: 3, at least 3 to publish)",
    )
    options = parser.parse_args(argv)
    if options.repeat < 1:
        parser.error("--repeat is at least 1")
    machine = facts()
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        name, content = read_clip(options.clip, Path(folder))
    result = asyncio.run(compare(name, content, options.repeat))
    report(_table(result), result, machine)
    return 0
