"""Probes a local file with probe_child in the sandbox: Source and keyframe Index."""

import asyncio
import json
from pathlib import Path

from core.errors import Rejected, ToolKilled, ToolTimedOut
from core.sandbox.child import ChildRunner, Limits, python_argv
from core.settings import GIB, MIB
from transcode.probe.source import Index, Source, from_json, index_from_json

CPU_S, CPU_S_PER_GIB = 20, 40  # a whole file has mostly been read in a tenth of it
WALL_S = 120


async def probe(
    file: Path, work_dir: Path, runner: ChildRunner, *, max_pixels: int, max_duration_s: int
) -> tuple[Source, Index | None]:
    """The facts of `file`, and where its keyframes are (None for audio only).

    Raises Rejected; ToolKilled when the child crashed (the caller counts those).
    """
    size = (await asyncio.to_thread(file.stat)).st_size
    cpu_s = CPU_S + CPU_S_PER_GIB * size // GIB
    try:
        finished = await runner.run(
            python_argv("transcode.probe.probe_child", str(file), str(max_pixels), str(max_duration_s)),
            work_dir=work_dir,
            readable=[file],
            # What a file costs is bounded by CPU time; by the clock only what hangs.
            limits=Limits(wall_s=WALL_S + 10 * cpu_s, cpu_s=cpu_s, memory_bytes=4 * GIB, file_bytes=MIB),
            max_stdout_bytes=16 * MIB,  # keyframe_index.MAX_GOPS of them are 4 MiB
        )
    except ToolKilled:
        raise
    except ToolTimedOut as exc:
        raise Rejected(
            "timed_out",
            f"Reading the file took more than {cpu_s} s of computing, the limit for its size.",
            "Export the video again as MP4 (H.264 + AAC) and upload that.",
        ) from exc
    answer = await asyncio.to_thread(json.loads, finished.stdout)
    if rejected := answer.get("rejected"):
        raise Rejected(**rejected)
    return from_json(answer["source"]), index_from_json(answer["index"]) if answer["index"] else None
