"""Per-title analysis, the part that runs ffmpeg: encodes and scores samples of one upload in the sandbox.

In: a plan, the file, its probed facts. Out: `Analysis`, the measured points and their cost; `model` fits the title's
model to it. A title that is too short, or whose samples cannot be read, has no points and a reason: an analysis never
fails an upload. Cancellation and what is the machine's fault are left to the caller.
"""

import asyncio
import json
import math
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from core.errors import OutOfMemory, ToolFailed
from core.media.checked_json import adapter
from core.sandbox import niceness
from core.sandbox.child import ChildRunner, Limits
from core.settings import GIB
from transcode.pertitle.model import Model, Point, fit
from transcode.pertitle.samples import (
    SampleEncode,
    SamplePlan,
    plan_samples,
    sample_argv,
    score_file,
    size_file,
)
from transcode.plan.encode_plan import EncodePlan
from transcode.probe.source import Index, Source

VERSION = 1  # part of the key under which an Analysis is kept
_BENCH = re.compile(r"bench: utime=(?P<user>[\d.]+)s stime=(?P<system>[\d.]+)s")
_TEXT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """The measured points of a title, where its samples start, and what measuring cost. JSON-ready: see `to_json`."""

    version: int
    points: tuple[Point, ...]
    starts_s: tuple[Fraction, ...]
    sample_s: Fraction
    cpu_s: float
    budget_s: float
    wall_s: float
    skipped: str | None  # why nothing was measured
    failed: bool = False  # nothing was measured though it was tried


def to_json(analysis: Analysis) -> dict[str, Any]:
    """The analysis as plain JSON values; Fractions become strings such as "1/2"."""
    return adapter(Analysis).dump_python(analysis, mode="json")  # type: ignore[no-any-return]


def from_json(value: dict[str, Any]) -> Analysis:
    """The analysis that `to_json` made this value of. Raises pydantic.ValidationError."""
    return adapter(Analysis).validate_python(value)


def model(analysis: Analysis, plan: EncodePlan) -> Model:
    """Model of the title, fitted to the measured points: predicts bit rate and VMAF of `plan`'s rungs."""
    top = plan.rungs[0]
    return fit(
        analysis.points,
        moments=len(analysis.starts_s),
        full_side=top.short_side,
        full_pixels=top.width * top.height,
        frame_rate=float(plan.frame_rate),
        preset=plan.preset,
    )


async def analyse(
    plan: EncodePlan,
    source_file: Path,
    source: Source,
    index: Index | None,
    work_dir: Path,
    runner: ChildRunner,
    binary: str,
    on_progress: Callable[[float], None],
) -> Analysis:
    """Encode and score samples within the budget; `on_progress` gets 0.0 at the start and 1.0 at the end."""
    samples = plan_samples(plan, source, index)
    if samples.skipped:
        return _skipped(samples, samples.skipped)
    on_progress(0.0)
    cpu_s = 0.0

    def read_cpu_time(line: str) -> None:
        nonlocal cpu_s
        if times := _BENCH.search(line):
            cpu_s = float(times["user"]) + float(times["system"])

    # An old machine is ten times slower than predicted; anything beyond that is hung.
    limit_s = int(60 + 20 * samples.cpu_s)
    try:
        finished = await runner.run(
            sample_argv(plan, samples, binary, source_file),
            work_dir=work_dir,
            readable=[source_file],
            limits=Limits(wall_s=limit_s, cpu_s=limit_s, memory_bytes=12 * GIB, file_bytes=_TEXT_BYTES),
            on_stderr_line=read_cpu_time,
            nice=niceness.BACKGROUND,
        )
        points = await asyncio.to_thread(read_points, plan, samples, work_dir)
    except (ToolFailed, OutOfMemory, UnreadableScores) as exc:
        return replace(_skipped(samples, f"the samples could not be measured: {exc}"[:400]), failed=True)
    on_progress(1.0)
    return Analysis(
        version=VERSION,
        points=points,
        starts_s=samples.starts_s,
        sample_s=samples.sample_frames / plan.frame_rate,
        cpu_s=cpu_s,
        budget_s=samples.budget_s,
        wall_s=finished.wall_s,
        skipped=None,
    )


def _skipped(samples: SamplePlan, reason: str) -> Analysis:
    return Analysis(
        version=VERSION,
        points=(),
        starts_s=(),
        sample_s=Fraction(0),
        cpu_s=0.0,
        budget_s=samples.budget_s,
        wall_s=0.0,
        skipped=reason,
    )


class UnreadableScores(Exception):
    """The run succeeded but its score and size files are missing or malformed."""


def read_points(plan: EncodePlan, samples: SamplePlan, work_dir: Path) -> tuple[Point, ...]:
    """The points that a run has left in `work_dir`. Raises UnreadableScores."""
    try:
        return tuple(
            _point(
                plan,
                samples,
                encode,
                json.loads((work_dir / score_file(number)).read_text()),
                (work_dir / size_file(number)).read_text(),
            )
            for number, encode in enumerate(samples.encodes)
        )
    except (OSError, ValueError, LookupError, TypeError, ArithmeticError) as exc:  # no frame at all; a score of null
        raise UnreadableScores(f"{type(exc).__name__}: {exc}") from exc


def _point(plan: EncodePlan, samples: SamplePlan, encode: SampleEncode, scores: Any, sizes: str) -> Point:
    scored = sorted(float(frame["metrics"]["vmaf"]) for frame in scores["frames"])
    bps = title_bps(sizes, plan.gop_frames, float(plan.frame_rate)) * samples.weight
    if not (bps > 0 and all(map(math.isfinite, (bps, *scored)))):
        raise ValueError(f"{bps} bits/s, scores from {scored[0]} to {scored[-1]}")
    return Point(
        short_side=encode.short_side,
        crf=encode.crf,
        bps=bps,
        vmaf_mean=sum(scored) / len(scored),
        vmaf_p1=scored[len(scored) // 100],
    )


def title_bps(sizes: str, gop_frames: int, frame_rate: float) -> float:
    """Bits/s with a keyframe every `gop_frames`, from the packet sizes of GOPs that are no longer than that."""
    key_sizes: list[int] = []
    other_sizes: list[int] = []
    for line in sizes.split("\n"):
        if line:
            size, kind = line.split()
            (key_sizes if kind == "K" else other_sizes).append(int(size))
    key_bytes = sum(key_sizes) / len(key_sizes)
    other_bytes = sum(other_sizes) / len(other_sizes) if other_sizes else 0.0
    return (key_bytes + other_bytes * (gop_frames - 1)) / gop_frames * 8 * frame_rate
