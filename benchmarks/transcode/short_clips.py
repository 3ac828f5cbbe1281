"""What clips of a few seconds cost beside one plain command: the fixed ladder, `balanced`, and the pictures.

In: a clip, from which clips of LENGTHS_S are cut, and the systems to compare. Out: one JSON-ready value for each. Only
CPU is compared: on a few seconds it is starts, checks and looking that count, and quality is what longer clips tell.
Encodes are compared with A, the pictures with the product's encode of the fixed ladder (`same`).
"""

import asyncio
import statistics
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.transcode import peers, rounds
from benchmarks.transcode.acceptance import BASE, SAME
from core.errors import KadrError
from core.sandbox.child import ChildRunner
from core.settings import Settings
from thumbnails.images import make
from transcode.probe.probe import probe
from workers.video_facts import video_facts

LENGTHS_S = (4, 8, 15)
PROFILE = "product"


def cut(clip: Path, folder: Path, seconds: int, binary: str) -> Path:
    """The first seconds of a clip, copied; one that is shorter is repeated. Raises KadrError."""
    target = folder / f"{clip.stem}_{seconds}s{clip.suffix}"
    words = [binary, "-v", "error", "-nostdin", "-y", "-stream_loop", "-1", "-i", f"file:{clip}", "-t", str(seconds)]
    done = subprocess.run([*words, "-map", "0:v", "-map", "0:a?", "-c", "copy", str(target)], capture_output=True)
    if done.returncode:
        raise KadrError(f"{clip.name} cannot be cut: {done.stderr.decode(errors='replace')[-400:]}")
    return target


def compare(clip: peers.Clip, options: rounds.BenchmarkOptions) -> dict[str, Any]:
    """Median CPU seconds of all systems, with their ratios to A, and of the pictures, with their share of `same`."""
    pictures: list[float] = []
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        found = rounds.take_turns(
            clip, options, Path(folder), after_round=lambda: pictures.append(_pictures_cpu_s(Path(clip.path)))
        )
    pictures_s = statistics.median(pictures)
    systems: dict[str, dict[str, Any]] = {}
    for name, runs in found.items():
        cpu_s = None if runs.error else statistics.median(cost.cpu_s for cost in runs.costs)
        systems[name] = {"error": runs.error} if cpu_s is None else {"cpu_s": round(cpu_s, 3)}
    if base_s := systems.get(BASE, {}).get("cpu_s"):
        for one in systems.values():
            if "cpu_s" in one:
                one["ratio"] = round(one["cpu_s"] / base_s, 3)
    systems["pictures"] = {"cpu_s": round(pictures_s, 3)}
    if encode_s := systems.get(SAME, {}).get("cpu_s"):
        systems["pictures"]["share"] = round(pictures_s / encode_s, 3)
    return {"clip": {"name": clip.path.name, "seconds": float(clip.seconds)}, "systems": systems}


def table(clips: Sequence[dict[str, Any]]) -> str:
    """A line for each clip: CPU seconds, and in brackets the ratio to A, or the share of `same`."""
    names = list(clips[0]["systems"])
    lines = [f"{'CPU s (x A; pictures: of same)':<34}" + "".join(f"{name:>16}" for name in names)]
    for clip in clips:
        cells = [_cell(one) for one in clip["systems"].values()]
        lines.append(f"{clip['clip']['name'][:33]:<34}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


def _cell(one: dict[str, Any]) -> str:
    if "cpu_s" not in one:
        return "failed"
    compared = f" ({one['share']:.1%})" if "share" in one else f" ({one['ratio']:.2f})" if "ratio" in one else ""
    return f"{one['cpu_s']:.2f}{compared}"


def _pictures_cpu_s(file: Path) -> float:
    """CPU seconds of the programs of a worker's pictures step. Raises KadrError where it leaves something out."""
    return asyncio.run(_pictures(file))


async def _pictures(file: Path) -> float:
    settings = Settings.load()
    runner = await ChildRunner.detect(settings.sandbox)
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        source, _ = await probe(
            file, Path(folder), runner, max_pixels=settings.max_pixels, max_duration_s=settings.max_duration_s
        )
        video = video_facts(source)
        if video is None:
            raise KadrError(f"{file.name}: no picture")
        counted = runner.apart()
        selection, images = await make.album(
            file, video, PROFILE, Path(folder), counted, duration_s=source.duration_s, avif=settings.poster_avif
        )
    if images.skipped or not selection.candidates:
        raise KadrError(f"{file.name}: pictures were left out: {images.skipped or selection.fallback}")
    return counted.cpu_s
