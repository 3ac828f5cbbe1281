"""Rounds of several ways to encode one clip: their costs, what they made and how good it is, beside A.

In: a clip and `System`s. Out: one JSON-ready value for the clip. All systems take turns; a system's first failure ends
its part and is told in its place.
"""

import json
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.harness import metered
from benchmarks.transcode import peers, quality, renditions
from benchmarks.transcode.acceptance import BASE
from benchmarks.transcode.quality import Point, Quality
from core.errors import KadrError

BANDWIDTHS_BPS = (1_000_000, 2_000_000, 4_000_000, 8_000_000)
LIMIT_S = 7200.0


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """One way to encode. `path_first` goes before the PATH of its commands."""

    name: str
    job: Callable[[peers.Clip], peers.Job]
    path_first: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkOptions:
    """Systems to compare, rounds, VMAF subsampling and the ffmpeg binary."""

    systems: tuple[System, ...]
    repeat: int
    subsample: int
    binary: str


def compare(clip: peers.Clip, options: BenchmarkOptions) -> dict[str, Any]:
    """Costs, sizes and quality of every system on one clip, as JSON values."""
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        found = take_turns(clip, options, Path(folder))
        known: dict[str, Quality] = {}
        for runs in found.values():
            runs.judge(clip, options, known)
    systems = {name: runs.to_json(float(clip.seconds)) for name, runs in found.items()}
    _relate(systems)
    size = Path(clip.path).stat().st_size
    about = {"name": clip.path.name, "seconds": float(clip.seconds), "bytes": size, "frame_rate": str(clip.frame_rate)}
    return {"clip": {**about, "width": clip.width, "height": clip.height}, "systems": systems}


def take_turns(
    clip: peers.Clip, options: BenchmarkOptions, folder: Path, after_round: Callable[[], None] = lambda: None
) -> dict[str, "SystemRuns"]:
    """All rounds of all systems. The order turns by one each round, so that no system always follows the same other."""
    found = {system.name: SystemRuns() for system in options.systems}
    Path(clip.path).read_bytes()  # into the page cache: nobody pays for the first read
    for number in range(options.repeat):
        turn = number % len(options.systems)
        for system in (*options.systems[turn:], *options.systems[:turn]):
            found[system.name].run(system, clip, folder)
        after_round()
    return found


class SystemRuns:
    """The runs of one system on one clip, as they come in; the first failure ends them."""

    def __init__(self) -> None:
        self.costs: list[metered.Cost] = []
        self.output: renditions.Output | None = None
        self.qualities: list[Quality] = []
        self.decisions: list[str] = []
        self.error: str | None = None

    def run(self, system: System, clip: peers.Clip, folder: Path) -> None:
        if self.error:
            return
        try:
            with tempfile.TemporaryDirectory(prefix="run-", dir=folder) as work:
                job = system.job(clip)
                for name in job.folders:
                    (Path(work) / name).mkdir()
                for name, text in job.texts:
                    (Path(work) / name).write_text(text)
                cost, printed = metered.run(job.commands, Path(work), limit_s=LIMIT_S, path_first=system.path_first)
                self.costs.append(cost)
                if self.output is None:
                    self.decisions = decisions(printed)
                    joined = folder / system.name
                    joined.mkdir()
                    self.output = renditions.read(Path(work), job.outputs, joined)
        except (KadrError, OSError) as exc:
            self.error = str(exc)

    def judge(self, clip: peers.Clip, options: BenchmarkOptions, known: dict[str, Quality]) -> None:
        """Measure each rendition; equal ones, of any system, once."""
        for rendition in self.output.renditions if self.output and not self.error else ():
            try:
                if rendition.digest not in known:
                    known[rendition.digest] = quality.measure(
                        clip, rendition, options.binary, subsample=options.subsample
                    )
            except KadrError as exc:
                self.error = str(exc)
                return
            self.qualities.append(known[rendition.digest])

    def to_json(self, seconds: float) -> dict[str, Any]:
        if self.error or self.output is None:
            return {"error": self.error or "nothing was encoded"}
        rungs = [
            {**_plain(one), **{key: round(value, 3) for key, value in asdict(quality).items()}}
            for one, quality in zip(self.output.renditions, self.qualities, strict=True)
        ]
        median = {
            what: statistics.median(getattr(cost, what) for cost in self.costs)
            for what in ("wall_s", "cpu_s", "peak_rss_bytes")
        }
        fits = [(rung["peak_bps"] + self.output.audio_bps, rung["vmaf_mean"]) for rung in rungs]
        return {
            "median": median,
            "per_minute": {
                "wall_s": round(median["wall_s"] * 60 / seconds, 3),
                "cpu_s": round(median["cpu_s"] * 60 / seconds, 3),
                "bytes": round(self.output.bytes * 60 / seconds),
            },
            "bytes": self.output.bytes,
            "runs": [asdict(cost) for cost in self.costs],
            "rungs": rungs,
            **({"decisions": self.decisions} if self.decisions else {}),
            "top": max(rungs, key=lambda rung: rung["vmaf_mean"]),
            "delivered": {str(budget): quality.delivered(fits, budget) for budget in BANDWIDTHS_BPS},
        }


def decisions(printed: str) -> list[str]:
    """Why ours encoded what it did, so that a result explains itself; nothing for those who do not say."""
    try:
        output = json.loads(printed)
    except ValueError:
        return []
    reasons = output.get("decisions", []) if isinstance(output, dict) else []
    return [str(one) for one in reasons]


def _plain(one: renditions.Rendition) -> dict[str, Any]:
    return {
        "name": one.name,
        "width": one.width,
        "height": one.height,
        "frame_rate": str(one.frame_rate),
        "frames_made": one.frames,
        "average_bps": round(one.average_bps),
        "peak_bps": round(one.peak_bps),
    }


def _relate(systems: dict[str, dict[str, Any]]) -> None:
    """Add what only makes sense beside A: ratios and BD-rates."""
    base = systems.get(BASE)
    if base is None or "error" in base:
        return
    for found in systems.values():
        if "error" in found:
            continue
        found["ratio"] = {
            "cpu": round(found["median"]["cpu_s"] / base["median"]["cpu_s"], 4),
            "wall": round(found["median"]["wall_s"] / base["median"]["wall_s"], 4),
            "bytes": round(found["bytes"] / base["bytes"], 4),
        }
        found["bd_rate"] = {}
        for metric in ("vmaf_mean", "xpsnr"):
            compared = quality.bd_rate(_points(found, metric), _points(base, metric))
            found["bd_rate"][metric] = asdict(compared) if compared else None


def _points(found: dict[str, Any], metric: str) -> list[Point]:
    return [Point(bps=rung["average_bps"], score=rung[metric]) for rung in found["rungs"]]
