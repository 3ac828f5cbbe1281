"""How often is the picture chosen for a video a good one, or a bad one, beside other ways to choose?

The videos are planted (benchmarks/posters/planted.py): of every frame it is known whether it is good, acceptable or a
defect.
They are made up, and so is their truth: winning here says that defects are seen and that plain virtues count, not what
people prefer. All ways look at the same files in turn, on one machine.

hit@1: the first choice is a good frame; hit@5: one of five is. defect@1: the first choice is a defect, or there is
none. All with Wilson 95 % intervals. random is the expectation over all frames, not drawn.
CPU, wall: per minute of video, of the children alone. Ours is the sandboxed child of the selection, Python's start
counted, without the probe, which every upload has anyway; hecate-like counts Python's start, too. RSS: the highest.

Results are of --seeds heldout; whoever tunes looks at tune only. --material takes frames of real clips (SDR) instead of
painted scenes. --cost measures ten minutes of 1080p, --trade what looking at fewer frames saves and loses, --sheets
draws what was chosen from real clips. Without these three the planted videos are run.
"""

import argparse
import asyncio
import hashlib
import json
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks.harness.machine import facts, report
from benchmarks.posters import (
    contact_sheet,
    material,
    pickers,
    planted,
    planted_run,
    table,
)
from benchmarks.posters import (
    cost as poster_cost,
)
from benchmarks.posters.planted_film import Material
from benchmarks.posters.planted_run import OURS, Judged
from benchmarks.posters.selector import Effort, Selector
from core.errors import KadrError
from presets import poster

SEEDS = {"tune": planted.TUNE, "heldout": planted.HELD_OUT}
VIDEOS = {"tune": 60, "heldout": 200}
TRADES = tuple(
    Effort(samples=samples, refine=refine)
    for samples, refine in ((240, 8), (96, 8), (96, 4), (96, 1), (48, 8), (48, 4), (24, 8), (24, 4), (12, 4))
)
PROGRESS = Console(stderr=True)


async def planted_videos(
    seeds: Sequence[int], selector: Selector, keep: Path, source: Material | None, mark: str
) -> list[Judged]:
    """Every seed's video through every way."""
    found = []
    for seed in track(seeds, "planted videos", console=PROGRESS):
        video = planted.plan(seed)
        clip = planted_run.library(video, keep, selector.binary, source, mark)
        picked = {picker.name: pickers.pick(picker, clip, selector.binary) for picker in pickers.BASELINES}
        picked = {OURS: await selector.pick(clip.path), **picked}
        found.append(planted_run.judged(video, picked))
    return found


async def cost(selector: Selector, keep: Path, repeat: int) -> list[dict[str, Any]]:
    """Medians over `repeat` of what ten minutes of 1080p take."""
    rows = []
    for gop_s in poster_cost.GOPS_S:
        path = poster_cost.long_clip(keep, selector.binary, gop_s)
        runs = [(await selector.pick(path)).cost for _ in track(range(repeat), f"GOP {gop_s} s", console=PROGRESS)]
        rows.append({"gop_s": gop_s, **poster_cost.median(runs), "runs": [asdict(run) for run in runs]})
    return rows


async def trade(seeds: Sequence[int], selector: Selector, keep: Path) -> list[dict[str, Any]]:
    """Hits on planted videos, and CPU seconds on ten minutes of 1080p, for less and less effort."""
    rows = []
    for effort in track(TRADES, "trade", console=PROGRESS):
        videos = []
        for seed in seeds:
            video = planted.plan(seed)
            clip = planted_run.library(video, keep, selector.binary)
            videos.append(planted_run.judged(video, {OURS: await selector.pick_with(clip.path, effort)}))
        ours = planted_run.summary(videos)["ways"][OURS]
        row: dict[str, Any] = {**asdict(effort), **{what: ours[what] for what in ("hit_1", "hit_5", "defect_1")}}
        for gop_s in poster_cost.GOPS_S:
            path = poster_cost.long_clip(keep, selector.binary, gop_s)
            row[f"ten_minutes_gop_{gop_s}_cpu_s"] = round((await selector.pick_with(path, effort)).cost.cpu_s, 3)
        rows.append(row)
    return rows


async def sheets(out: Path, clips: Sequence[Path], selector: Selector) -> list[dict[str, Any]]:
    """A PNG per clip; of one that has no picture, why."""
    rows: list[dict[str, Any]] = []
    for path in track(clips, "contact sheets", console=PROGRESS):
        try:
            async with selector.chosen(path.resolve()) as found:
                drawn = contact_sheet.sheet(found.clip, found.selection, found.folder, selector.binary)
                contact_sheet.write(drawn, out / f"{path.name}.png")
                chosen = [round(float(one.time_s), 4) for one in found.selection.candidates]
                rows.append({"clip": path.name, "times_s": chosen, "fallback": found.selection.fallback})
        except KadrError as exc:
            rows.append({"clip": path.name, "error": f"{type(exc).__name__}: {exc}"})
    return rows


async def measure(given: argparse.Namespace, keep: Path) -> dict[str, Any]:
    selector = await Selector.open(given.profile)
    seeds = SEEDS[given.seeds][: given.videos or VIDEOS[given.seeds]]
    result: dict[str, Any] = {"benchmark": "thumbnails", "profile": given.profile}
    if given.cost:
        result["cost"] = await cost(selector, keep, given.repeat)
    if given.trade:
        result["trade"] = await trade(seeds, selector, keep)
    if given.sheets:
        out, *clips = given.sheets
        result["sheets"] = await sheets(out, clips, selector)
    if given.cost or given.trade or given.sheets:
        return result
    source, mark, result["material"] = None, "", "painted"
    if given.material:
        source, count = material.load(given.material, selector.binary)
        mark, result["material"] = f"-real-{_listing(given.material)}", f"{count} frames of real clips"
    videos = await planted_videos(seeds, selector, keep, source, mark)
    return result | {"seeds": given.seeds, **planted_run.summary(videos)}


def _listing(folder: Path) -> str:
    """Changes when the folder's clips do."""
    clips = sorted((path.name, path.stat().st_size) for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(repr(clips).encode()).hexdigest()[:12]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kadr bench thumbnails", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=int, help="how many planted videos (default: 200 held out, 60 to tune with)")
    parser.add_argument("--seeds", choices=SEEDS, default="heldout", help="which seeds (default: heldout)")
    parser.add_argument(
        "--profile", choices=poster.NAMES, default="product", help="of the selection (default: product)"
    )
    parser.add_argument("--material", type=Path, metavar="DIR", help="frames of the clips in here instead of paint")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the videos here (default: nowhere)")
    parser.add_argument("--cost", action="store_true", help="ten minutes of 1080p with a GOP of 2 s and of 10 s")
    parser.add_argument("--repeat", type=int, default=3, help="runs of --cost (default: 3)")
    parser.add_argument("--trade", action="store_true", help="hits and CPU for fewer samples and refined frames")
    parser.add_argument("--sheets", type=Path, nargs="+", metavar=("DIR", "CLIP"), help="draw contact sheets into DIR")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result here, too")
    return parser


def main(argv: Sequence[str]) -> int:
    parser = _parser()
    given = parser.parse_args(argv)
    if given.repeat < 1 or (given.videos is not None and given.videos < 1):
        parser.error("--repeat and --videos are at least 1")
    machine = facts()
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        keep = given.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        result = asyncio.run(measure(given, keep.resolve()))
    if given.json:
        given.json.write_text(json.dumps({**result, "machine": asdict(machine)}, indent=2) + "\n")
    report(table.tables(result), result, machine)
    return int(not all(result.get("goals", {}).values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
