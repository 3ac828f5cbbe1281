"""A local file -> Source, by probe_child inside the sandbox."""

import asyncio
import json
from pathlib import Path

from core.child import ChildRunner, Limits, python_argv
from core.errors import Rejected, ToolKilled, ToolTimedOut
from core.settings import GIB, MIB
from transcode.source import Source, from_json


async def probe(file: Path, work_dir: Path, runner: ChildRunner, *, max_pixels: int, max_duration_s: int) -> Source:
    """The facts of `file`. Raises Rejected; ToolKilled when the child crashed (the caller counts those)."""
    # Reading every packet is bound by the disk: half a minute, and as much again per GiB.
    size = (await asyncio.to_thread(file.stat)).st_size
    allowed_s = 30 + 30 * size // GIB
    try:
        finished = await runner.run(
            python_argv("transcode.probe_child", str(file), str(max_pixels), str(max_duration_s)),
            work_dir=work_dir,
            readable=[file],
            limits=Limits(wall_s=allowed_s, cpu_s=allowed_s, memory_bytes=4 * GIB, file_bytes=MIB),
        )
    except ToolKilled:
        raise
    except ToolTimedOut as exc:
        raise Rejected(
            "timed_out",
            f"Reading the file took longer than {allowed_s} s.",
            "Export the video again as MP4 (H.264 + AAC) and upload that.",
        ) from exc
    answer = json.loads(finished.stdout)
    if rejected := answer.get("rejected"):
        raise Rejected(**rejected)
    return from_json(answer["source"])
