"""How good does a rendition look, and what does it cost to look that good?

`measure` decodes source and rendition once and compares every frame, by VMAF (v0.6.1) and XPSNR, both at the source's
displayed size with a short side of at most 1080: the rendition is scaled up to it, bicubic, as a player would. The
reference is the source as SDR BT.709 at the rendition's frame rate. The rest is pure arithmetic on those numbers.
Frames meet by time: who shows another frame than the reference at a time, as B and C do where the source's frame rate
varies, is scored for that. Refuses a rendition of which fewer than half of the frames could be compared.
"""

import json
import math
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.transcode.peers import Clip, prepared
from benchmarks.transcode.renditions import Rendition
from core.errors import KadrError

LARGEST_SIDE = 1080
LIMIT_S = 7200.0
STEPS = 1000  # of the integral of a BD-rate
XPSNR_MOST = 100.0  # identical planes have no finite value
_XPSNR = re.compile(r"XPSNR average.*?y:\s*(\S+)\s+u:\s*(\S+)\s+v:\s*(\S+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """Of one rendition. `frames` is how many were compared; `xpsnr` weighs Y, U and V 6:1:1, in dB."""

    vmaf_mean: float
    vmaf_harmonic: float
    vmaf_p1: float
    xpsnr: float
    xpsnr_y: float
    frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A rung on the plane: bits/s of its video, and its quality."""

    bps: float
    score: float


@dataclass(frozen=True, slots=True, kw_only=True)
class BdRate:
    """How many per cent more bits (negative: fewer) the same score takes, over the scores both ladders reach."""

    percent: float
    low: float
    high: float


def measure(clip: Clip, rendition: Rendition, binary: str, *, subsample: int = 1, threads: int = 2) -> Quality:
    """Compare all frames, or every `subsample`th for VMAF. Raises KadrError when ffmpeg fails."""
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        argv = compare_argv(clip, rendition, binary, subsample=subsample, threads=threads)
        ended = subprocess.run(argv, cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False)
        if ended.returncode:
            raise KadrError(f"comparing {rendition.name} ended with {ended.returncode}: {ended.stderr[-1000:]}")
        scores = [frame["metrics"]["vmaf"] for frame in json.loads((Path(folder) / "vmaf.json").read_text())["frames"]]
        averages = _XPSNR.search((Path(folder) / "xpsnr.log").read_text())
    if averages is None or len(scores) * subsample * 2 < rendition.frames:
        raise KadrError(f"{rendition.name}: only {len(scores)} of {rendition.frames} frames could be compared")
    planes = [min(float(value), XPSNR_MOST) for value in averages.groups()]
    return Quality(
        **pooled(scores), xpsnr=(6 * planes[0] + planes[1] + planes[2]) / 8, xpsnr_y=planes[0], frames=len(scores)
    )


def compare_argv(clip: Clip, rendition: Rendition, binary: str, *, subsample: int, threads: int) -> list[str]:
    """ffmpeg that leaves vmaf.json and xpsnr.log in its folder. Frames meet by number: both sides go through `fps`."""
    width, height = clip.sized(min(LARGEST_SIDE, clip.short_side))
    matrix = rendition.matrix or clip.matrix  # one that does not say means what the source means
    shown = (
        f"fps={rendition.frame_rate}:start_time=0,"
        f"scale={width}:{height}:flags=bicubic:in_color_matrix={matrix}:out_color_matrix=bt709:out_range=limited,"
        "format=yuv420p,setsar=1"
    )
    # Read alone, a picture that begins after the sound would begin at 0, and every frame would meet its neighbour.
    begins = f"setpts=PTS-STARTPTS+{float(clip.video_start_s):.6f}/TB,"
    reference = begins + prepared(clip, width, height, rendition.frame_rate)
    vmaf = f"libvmaf=log_path=vmaf.json:log_fmt=json:n_threads={threads}:n_subsample={subsample}:shortest=1"
    graph = ";".join(
        (
            f"[0:v:0]{shown},split[d0][d1]",
            f"[1:{clip.video_index}]{reference},split[r0][r1]",
            f"[d0][r0]{vmaf}[o0]",
            "[d1][r1]xpsnr=stats_file=xpsnr.log:shortest=1[o1]",
        )
    )
    opened = [binary, "-v", "error", "-nostdin", "-y", "-i", f"file:{rendition.file}", "-i", f"file:{clip.path}"]
    return [*opened, "-filter_complex", graph, "-map", "[o0]", "-f", "null", "-", "-map", "[o1]", "-f", "null", "-"]


def pooled(scores: Sequence[float]) -> dict[str, float]:
    """Mean, harmonic mean as libvmaf counts it (of score + 1), and the 1st percentile of all frames."""
    return {
        "vmaf_mean": math.fsum(scores) / len(scores),
        "vmaf_harmonic": len(scores) / math.fsum(1 / (score + 1) for score in scores) - 1,
        "vmaf_p1": float(np.percentile(np.asarray(scores), 1)),
    }


def hull(points: Sequence[Point]) -> list[Point]:
    """The rungs nothing beats: the upper convex hull over log(bits/s), rising in both, cheapest first."""
    kept: list[Point] = []
    for point in sorted(points, key=lambda one: (one.bps, -one.score)):
        if kept and point.score <= kept[-1].score:
            continue
        while len(kept) >= 2 and _slope(kept[-2], point) >= _slope(kept[-2], kept[-1]):
            kept.pop()
        kept.append(point)
    return kept


def _slope(low: Point, high: Point) -> float:
    return (high.score - low.score) / math.log(high.bps / low.bps)


def bd_rate(ours: Sequence[Point], theirs: Sequence[Point]) -> BdRate | None:
    """Bjontegaard's mean difference of log rate between two hulls. None where they share no range of scores.

    Where all that is shared is one score, as with a ladder of one rung, it is the difference there.
    """
    mine, other = hull(ours), hull(theirs)
    low, high = max(mine[0].score, other[0].score), min(mine[-1].score, other[-1].score)
    if high < low:
        return None
    at = np.linspace(low, high, STEPS + 1)
    difference = _log_rates(mine, at) - _log_rates(other, at)
    mean = float(np.sum((difference[1:] + difference[:-1]) / 2) / STEPS)
    return BdRate(percent=(math.exp(mean) - 1) * 100, low=low, high=high)


def _log_rates(points: Sequence[Point], at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return pchip([point.score for point in points], [math.log(point.bps) for point in points], at)


def pchip(x: Sequence[float], y: Sequence[float], at: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Monotone cubic interpolation (Fritsch and Carlson 1980, with Fritsch and Butland's slopes). `x` rises."""
    knots, values = np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)
    if len(knots) == 1:
        return np.full_like(at, values[0])
    steps, slopes = np.diff(knots), np.diff(values) / np.diff(knots)
    tangents = np.asarray(_tangents(steps.tolist(), slopes.tolist()))
    index = np.clip(np.searchsorted(knots, at, side="right") - 1, 0, len(knots) - 2)
    step = steps[index]
    t = (at - knots[index]) / step
    found: npt.NDArray[np.float64] = (
        values[index] * (1 + 2 * t) * (1 - t) ** 2
        + tangents[index] * step * t * (1 - t) ** 2
        + values[index + 1] * t**2 * (3 - 2 * t)
        + tangents[index + 1] * step * t**2 * (t - 1)
    )
    return found


def _tangents(steps: list[float], slopes: list[float]) -> list[float]:
    if len(slopes) == 1:
        return [slopes[0], slopes[0]]
    inner = []
    for (h0, h1), (d0, d1) in zip(pairwise(steps), pairwise(slopes), strict=True):
        w0, w1 = 2 * h1 + h0, h1 + 2 * h0
        inner.append((w0 + w1) / (w0 / d0 + w1 / d1) if d0 * d1 > 0 else 0.0)
    first = _end(steps[0], steps[1], slopes[0], slopes[1])
    last = _end(steps[-1], steps[-2], slopes[-1], slopes[-2])
    return [first, *inner, last]


def _end(h0: float, h1: float, d0: float, d1: float) -> float:
    """The three-point estimate at an end, kept from overshooting."""
    found = ((2 * h0 + h1) * d0 - h0 * d1) / (h0 + h1)
    if found * d0 <= 0:
        return 0.0
    return 3 * d0 if d0 * d1 <= 0 and abs(found) > 3 * abs(d0) else found


def delivered(rungs: Sequence[tuple[float, float]], budget_bps: float) -> float | None:
    """The best score of the (peak bits/s with sound, score) rungs that fit into this bandwidth; None if none does."""
    return max((score for bps, score in rungs if bps <= budget_bps), default=None)
