"""Probes a local file with probe_child in the sandbox: Source and keyframe Index."""

import asyncio
import json
from pathlib import Path

from core.errors import KadrError, Rejected, ToolKilled, ToolTimedOut
from core.sandbox.child import ChildRunner, Limits, python_argv
from core.settings import GIB, MIB
from transcode.probe.source import Index, Source, from_json, index_from_json

QUICK_WALL_S, QUICK_CPU_S = 30, 5  # most files take a tenth of that


class ProbeTakesLong(KadrError):
    """The file cannot be probed within the time of a quick probe."""


async def probe(
    file: Path, work_dir: Path, runner: ChildRunner, *, max_pixels: int, max_duration_s: int, quick: bool = False
) -> tuple[Source, Index | None]:
    """The facts of `file`, and where its keyframes are (None for audio only).

    Raises Rejected; ToolKilled when the child crashed (the caller counts those); where it may be `quick` only,
    ProbeTakesLong.
    """
    # Reading every packet is bound by the disk: half a minute per GiB; a minute for the most packets there can be.
    size = (await asyncio.to_thread(file.stat)).st_size
    allowed_s = 60 + 30 * size // GIB
    wall_s, cpu_s = (min(allowed_s, QUICK_WALL_S), QUICK_CPU_S) if quick else (allowed_s, allowed_s)
    try:
        finished = await runner.run(
            python_argv("transcode.probe.probe_child", str(file), str(max_pixels), str(max_duration_s)),
            work_dir=work_dir,
            readable=[file],
            limits=Limits(wall_s=wall_s, cpu_s=cpu_s, memory_bytes=4 * GIB, file_bytes=MIB),
            max_stdout_bytes=16 * MIB,  # keyframe_index.MAX_GOPS of them are 4 MiB
        )
    except ToolKilled:
        raise
    except ToolTimedOut as exc:
        if quick:
            raise ProbeTakesLong from exc
        raise Rejected(
            "timed_out",
            f"Reading the file took longer than {allowed_s} s.",
            "Export the video again as MP4 (H.264 + AAC) and upload that.",
        ) from exc
    answer = await asyncio.to_thread(json.loads, finished.stdout)
    if rejected := answer.get("rejected"):
        raise Rejected(**rejected)
    return from_json(answer["source"]), index_from_json(answer["index"]) if answer["index"] else None
