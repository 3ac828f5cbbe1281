"""Ten minutes of 1080p to choose a picture from: what a long upload costs.

In: a folder, the ffmpeg binary, the seconds between keyframes. Out: an MP4 of planted scenes, filmed once and repeated
without another encode, which the folder keeps.
"""

import statistics
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from benchmarks.harness.metered import Cost
from benchmarks.posters import planted, planted_film
from core.errors import KadrError

GOPS_S = (2, 10)
SECONDS = 600
SEED = 500  # a tuning seed: nobody is judged by this
RATE = 25


def long_clip(folder: Path, binary: str, gop_s: int) -> Path:
    """About half a minute of shots, over and over. Raises KadrError."""
    path, once = folder / f"ten-minutes-gop-{gop_s}.mp4", folder / f"once-gop-{gop_s}.mp4"
    if path.exists():
        return path
    video = replace(
        planted.plan(SEED), width=1920, height=1080, frame_rate=RATE, gop_s=Fraction(gop_s), scene_cuts=False, crf=22
    )
    planted_film.make(video, once, binary)
    again = SECONDS * RATE // video.frames
    part = path.with_suffix(".part")
    command = [
        *(binary, "-v", "error", "-nostdin", "-y", "-stream_loop", str(again), "-i", str(once), "-c", "copy"),
        *("-t", str(SECONDS), "-f", "mp4", str(part)),
    ]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    if finished.returncode:
        raise KadrError(f"ffmpeg ended with {finished.returncode}: {finished.stderr[-500:]}")
    part.replace(path)
    once.unlink()
    return path


def median(runs: Sequence[Cost]) -> dict[str, float]:
    """Of the seconds; of memory the highest."""
    return {
        "cpu_s": round(statistics.median(run.cpu_s for run in runs), 3),
        "wall_s": round(statistics.median(run.wall_s for run in runs), 3),
        "peak_rss_bytes": max(run.peak_rss_bytes for run in runs),
    }
