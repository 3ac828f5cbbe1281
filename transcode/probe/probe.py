"""Probes a local file with probe_child in the sandbox: Source and keyframe Index, of a mended copy where need be."""

import asyncio
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.errors import KadrError, Rejected, ToolFailed, ToolKilled, ToolTimedOut
from core.sandbox.child import ChildRunner, Limits, python_argv
from core.settings import GIB, MIB
from transcode.probe.sniff import DEMUXERS
from transcode.probe.source import Index, Source, from_json, index_from_json

CPU_S, CPU_S_PER_GIB = 20, 40  # a whole file has mostly been read in a tenth of it
WALL_S = 120
QUICK_CPU_S, QUICK_WALL_S = 5, 30
MENDED = "mended"  # name of the copy, in the work folder


class ProbeTakesLong(KadrError):
    """The file cannot be probed within the time of a quick probe."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """The facts of `file`: the probed file itself, or a copy of it whose times were mended."""

    source: Source
    index: Index | None  # None for audio only
    file: Path
    mended: bool


async def probe(
    file: Path, work_dir: Path, runner: ChildRunner, *, max_pixels: int, max_duration_s: int, quick: bool = False
) -> tuple[Source, Index | None]:
    """The facts of `file` as it is, and where its keyframes are (None for audio only).

    Raises Rejected; ToolKilled when the child crashed (the caller counts those); where it may be `quick` only,
    ProbeTakesLong.
    """
    answer = await _answer(file, work_dir, runner, max_pixels, max_duration_s, quick=quick)
    return from_json(answer["source"]), index_from_json(answer["index"]) if answer["index"] else None


async def probe_title(
    file: Path, work_dir: Path, runner: ChildRunner, *, max_pixels: int, max_duration_s: int, quick: bool = False
) -> Probed:
    """The facts of what is to become a title: of `file`, or where its times start again, jump or stray, of a copy in
    `work_dir` on one timeline, which everything that follows must read instead.

    Raises Rejected; ToolKilled when a child crashed; where it may be `quick` only, ProbeTakesLong.
    """
    answer = await _answer(file, work_dir, runner, max_pixels, max_duration_s, quick=quick)
    source = from_json(answer["source"])
    if not answer["broken_times"]:
        index = index_from_json(answer["index"]) if answer["index"] else None
        return Probed(source=source, index=index, file=file, mended=False)
    copy = work_dir / MENDED
    left_out = await _mend(file, copy, work_dir, runner, source, answer["streams"], quick=quick)
    of_copy, index = await probe(
        copy, work_dir, runner, max_pixels=max_pixels, max_duration_s=max_duration_s, quick=quick
    )
    message = f"The times in the file were not in order and have been mended: {answer['broken_times']}."
    # Damage that was reported at a join is mended with it; what else is damaged shows when it is decoded.
    mended = replace(
        of_copy,
        damaged=of_copy.damaged or left_out > 0,
        unplayable_audio=source.unplayable_audio,
        warnings=(*source.warnings, *of_copy.warnings, ("times_mended", message)),
    )
    return Probed(source=mended, index=index, file=copy, mended=True)


async def _answer(
    file: Path, work_dir: Path, runner: ChildRunner, max_pixels: int, max_duration_s: int, *, quick: bool
) -> dict[str, Any]:
    wall_s, cpu_s = await _limits_s(file, quick=quick)
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
        raise _too_slow(cpu_s) from exc
    answer: dict[str, Any] = await asyncio.to_thread(json.loads, finished.stdout)
    if rejected := answer.get("rejected"):
        raise Rejected(**rejected)
    return answer


async def _mend(
    file: Path, copy: Path, work_dir: Path, runner: ChildRunner, source: Source, streams: list[int], *, quick: bool
) -> int:
    """Write the packets of these streams to `copy`, on one timeline; how many were too damaged for that.

    Raises Rejected, ToolKilled, ProbeTakesLong.
    """
    wall_s, cpu_s = await _limits_s(file, quick=quick)
    words = [str(file), DEMUXERS[source.container], str(copy), *map(str, streams)]
    try:
        finished = await runner.run(
            python_argv("transcode.probe.mend_child", *words),
            work_dir=work_dir,
            readable=[file],
            limits=Limits(
                wall_s=wall_s,
                cpu_s=2 * cpu_s,
                memory_bytes=4 * GIB,
                file_bytes=2 * source.bytes + 64 * MIB,
            ),
        )
    except ToolKilled:
        raise
    except ToolTimedOut as exc:
        if quick:
            raise ProbeTakesLong from exc
        raise _too_slow(2 * cpu_s) from exc
    except ToolFailed as exc:
        raise Rejected(
            "corrupt",
            "The times in the file are not in order and cannot be mended.",
            "Export the video again as MP4 (H.264 + AAC) and upload that.",
        ) from exc
    return int(finished.stdout)


async def _limits_s(file: Path, *, quick: bool) -> tuple[int, int]:
    """(seconds by the clock, of CPU) of a child: what a file costs is bounded by CPU, by the clock only what hangs."""
    if quick:
        return QUICK_WALL_S, QUICK_CPU_S
    cpu_s = CPU_S + CPU_S_PER_GIB * (await asyncio.to_thread(file.stat)).st_size // GIB
    return WALL_S + 10 * cpu_s, cpu_s


def _too_slow(cpu_s: int) -> Rejected:
    return Rejected(
        "timed_out",
        f"Reading the file took more than {cpu_s} s of computing, the limit for its size.",
        "Export the video again as MP4 (H.264 + AAC) and upload that.",
    )
