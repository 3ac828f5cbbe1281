"""Probes a local file with probe_child in the sandbox: Source and keyframe Index, of a mended copy where need be."""

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import Rejected, ToolFailed, ToolKilled, ToolTimedOut
from core.sandbox.child import ChildRunner, Limits, python_argv
from core.settings import GIB, MIB
from transcode.probe.sniff import DEMUXERS
from transcode.probe.source import Index, Source, from_json, index_from_json

CPU_S, CPU_S_PER_GIB = 20, 40  # a whole file has mostly been read in a tenth of it
WALL_S = 120
MENDED = "mended"  # name of the copy, in the work folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The facts of `file`: the probed file itself, or a copy of it whose times were mended."""

    source: Source
    index: Index | None  # None for audio only
    file: Path
    mended: bool


async def probe(
    file: Path, work_dir: Path, runner: ChildRunner, *, max_pixels: int, max_duration_s: int
) -> tuple[Source, Index | None]:
    """The facts of `file` as it is, and where its keyframes are (None for audio only).

    Raises Rejected; ToolKilled when the child crashed (the caller counts those).
    """
    answer = await _answer(file, work_dir, runner, max_pixels, max_duration_s)
    return from_json(answer["source"]), index_from_json(answer["index"]) if answer["index"] else None


async def probe_title(
    file: Path, work_dir: Path, runner: ChildRunner, *, max_pixels: int, max_duration_s: int
) -> Probed:
    """The facts of what is to become a title: of `file`, or where its times start again, jump or stray, of a copy in
    `work_dir` on one timeline, which everything that follows must read instead.

    Raises Rejected; ToolKilled when a child crashed.
    """
    answer = await _answer(file, work_dir, runner, max_pixels, max_duration_s)
    source = from_json(answer["source"])
    if not answer["broken_times"]:
        index = index_from_json(answer["index"]) if answer["index"] else None
        return Probed(source=source, index=index, file=file, mended=False)
    copy = work_dir / MENDED
    await _mend(file, copy, work_dir, runner, source, answer["streams"])
    of_copy, index = await probe(copy, work_dir, runner, max_pixels=max_pixels, max_duration_s=max_duration_s)
    message = f"The times in the file were not in order and have been mended: {answer['broken_times']}."
    # Damage that was reported at a join is mended with it; what else is damaged shows when it is decoded.
    mended = replace(
        of_copy,
        unplayable_audio=source.unplayable_audio,
        warnings=(*source.warnings, *of_copy.warnings, ("times_mended", message)),
    )
    return Probed(source=mended, index=index, file=copy, mended=True)


async def _answer(
    file: Path, work_dir: Path, runner: ChildRunner, max_pixels: int, max_duration_s: int
) -> dict[str, Any]:
    cpu_s = await _cpu_s(file)
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
        raise _too_slow(cpu_s) from exc
    answer: dict[str, Any] = await asyncio.to_thread(json.loads, finished.stdout)
    if rejected := answer.get("rejected"):
        raise Rejected(**rejected)
    return answer


async def _mend(
    file: Path, copy: Path, work_dir: Path, runner: ChildRunner, source: Source, streams: list[int]
) -> None:
    """Write the packets of these streams to `copy`, on one timeline. Raises Rejected, ToolKilled."""
    cpu_s = 2 * await _cpu_s(file)
    words = [str(file), DEMUXERS[source.container], str(copy), *map(str, streams)]
    try:
        await runner.run(
            python_argv("transcode.probe.mend_child", *words),
            work_dir=work_dir,
            readable=[file],
            limits=Limits(
                wall_s=WALL_S + 10 * cpu_s,
                cpu_s=cpu_s,
                memory_bytes=4 * GIB,
                file_bytes=2 * source.bytes + 64 * MIB,
            ),
        )
    except ToolKilled:
        raise
    except ToolTimedOut as exc:
        raise _too_slow(cpu_s) from exc
    except ToolFailed as exc:
        raise Rejected(
            "corrupt",
            "The times in the file are not in order and cannot be mended.",
            "Export the video again as MP4 (H.264 + AAC) and upload that.",
        ) from exc


async def _cpu_s(file: Path) -> int:
    return CPU_S + CPU_S_PER_GIB * (await asyncio.to_thread(file.stat)).st_size // GIB


def _too_slow(cpu_s: int) -> Rejected:
    return Rejected(
        "timed_out",
        f"Reading the file took more than {cpu_s} s of computing, the limit for its size.",
        "Export the video again as MP4 (H.264 + AAC) and upload that.",
    )
