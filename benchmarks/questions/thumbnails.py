"""How often is the poster chosen for a video good, and how often is it a defect, compared with other methods?

The videos are generated (benchmarks/posters/planted.py), so every frame is known to be good, acceptable or a defect.
The result shows that defects are detected and simple qualities count, not what people prefer. All methods get the same
files in turn, on one machine.

hit@1: the first choice is a good frame; hit@5: one of five is. defect@1: the first choice is a defect, or there is
none. All with Wilson 95 % intervals. random is the expectation over all frames, not drawn.
CPU, wall: per minute of video, of the children alone. Ours is the sandboxed child of the selection, Python's start
counted, without the probe, which every upload has anyway; hecate-like counts Python's start, too. RSS: the highest.

--joined takes the clips of a folder (SDR), one good stretch and three spoiled ones of each: blurred, box-blurred, dark,
over-exposed, faded or averaged over 0.8 s. A choice that nobody could tell from its unspoiled self counts as good.

--faces searches frames of the shared clips for faces, by OpenCV's cascade and by CenterFace (`kadr models fetch
centerface`); a person has said in which there is one.

Results are of --seeds heldout; whoever tunes looks at tune only. --material takes frames of real clips (SDR) instead of
painted scenes. --cost measures ten minutes of 1080p, --trade what looking at fewer frames saves and loses, --sheets
draws what was chosen from real clips. Without these, --joined and --faces the planted videos are run.
"""

import argparse
import asyncio
import functools
import hashlib
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from benchmarks.harness.machine import facts, report
from benchmarks.harness.rates import wilson
from benchmarks.posters import (
    contact_sheet,
    face_frames,
    joined,
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
from core.models.folders import models_dir
from presets import poster
from thumbnails.vision.face_model import fetched

SEEDS = {"tune": planted.TUNE, "heldout": planted.HELD_OUT}
VIDEOS = {"tune": 60, "heldout": 200}
FILMS_PER_CLIP = 6
JOINED_GOAL = 0.95
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


async def joined_films(seeds: Sequence[int], folder: Path, selector: Selector, keep: Path) -> dict[str, Any]:
    """Of every way, how often it took a good frame, and what is wrong with the others; the films that ours missed."""
    clips = [
        (clip, lasts_s) for clip in material.clips_of(folder) if (lasts_s := material.duration_s(clip, selector.binary))
    ]
    verdicts: dict[str, list[str]] = {}
    missed = []
    for clip, lasts_s in track(clips, "joined clips", console=PROGRESS):
        usable = functools.partial(material.is_usable, clip, binary=selector.binary)
        for seed in seeds[:FILMS_PER_CLIP]:
            film, name = joined.plan(clip, Fraction(lasts_s), seed, usable), f"{clip.name}-{seed}"
            spoiled = joined.make(film, keep / f"{name}-spoiled.mp4", selector.binary, spoiled=True)
            plain = joined.make(film, keep / f"{name}-plain.mp4", selector.binary, spoiled=False)
            picked = {picker.name: pickers.pick(picker, spoiled, selector.binary) for picker in pickers.BASELINES}
            for way, choice in {OURS: await selector.pick(spoiled.path), **picked}.items():
                found = joined.verdict(film, spoiled, plain, choice.times_s, selector.binary)
                verdicts.setdefault(way, []).append(found)
                if way == OURS and found != joined.GOOD:
                    time_s = round(float(choice.times_s[0]), 3) if choice.times_s else None
                    missed.append({"clip": clip.name, "seed": seed, "chosen": found, "time_s": time_s})
    ways = {
        name: {
            "hit_1": asdict(wilson(found.count(joined.GOOD), len(found))),
            "chosen": dict(sorted(Counter(one for one in found if one != joined.GOOD).items())),
        }
        for name, found in verdicts.items()
    }
    return {"clips": len(clips), "films": len(verdicts[OURS]), "ways": ways, "missed": missed}


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


async def measure(options: argparse.Namespace, keep: Path) -> dict[str, Any]:
    selector = await Selector.open(options.profile)
    seeds = SEEDS[options.seeds][: options.videos or VIDEOS[options.seeds]]
    result: dict[str, Any] = {"benchmark": "thumbnails", "profile": options.profile}
    if options.cost:
        result["cost"] = await cost(selector, keep, options.repeat)
    if options.trade:
        result["trade"] = await trade(seeds, selector, keep)
    if options.sheets:
        out, *clips = options.sheets
        result["sheets"] = await sheets(out, clips, selector)
    if options.faces:
        pictures, network = face_frames.frames(options.faces, selector.binary), fetched(models_dir(selector.settings))
        ways = {"cascade": None, **({"centerface": network} if network else {})}
        result["faces"] = {name: asdict(face_frames.searched(pictures, file)) for name, file in ways.items()}
    if options.joined:
        result["seeds"] = options.seeds
        result["joined"] = await joined_films(SEEDS[options.seeds], options.joined, selector, keep)
        hits = result["joined"]["ways"][OURS]["hit_1"]["value"]
        result["goals"] = {"joined_hit_1_at_least_95_percent": hits >= JOINED_GOAL}
    if any((options.cost, options.trade, options.sheets, options.faces, options.joined)):
        return result
    source, mark, result["material"] = None, "", "painted"
    if options.material:
        source, count = material.load(options.material, selector.binary)
        mark, result["material"] = f"-real-{_listing(options.material)}", f"{count} frames of real clips"
    videos = await planted_videos(seeds, selector, keep, source, mark)
    return result | {"seeds": options.seeds, **planted_run.summary(videos)}


def _listing(folder: Path) -> str:
    """Changes when the folder's clips do."""
    clips = sorted((path.name, path.stat().st_size) for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(repr(clips).encode()).hexdigest()[:12]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kadr bench thumbnails", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--videos", type=int, help="number of generated videos (default: 200 held out, 60 for tuning)")
    parser.add_argument("--seeds", choices=SEEDS, default="heldout", help="which seeds (default: heldout)")
    parser.add_argument("--profile", choices=poster.NAMES, default="product", help="poster profile (default: product)")
    parser.add_argument(
        "--material", type=Path, metavar="DIR", help="use frames of the clips in DIR in place of painted scenes"
    )
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep generated videos in DIR (default: delete them)")
    parser.add_argument(
        "--cost", action="store_true", help="measure CPU and memory on ten minutes of 1080p with GOPs of 2 s and 10 s"
    )
    parser.add_argument("--repeat", type=int, default=3, help="runs of --cost (default: 3)")
    parser.add_argument(
        "--trade", action="store_true", help="measure hit rates and CPU with fewer sampled and refined frames"
    )
    parser.add_argument(
        "--joined", type=Path, metavar="DIR", help="join good and spoiled stretches of the clips in DIR"
    )
    parser.add_argument("--faces", type=Path, metavar="DIR", help="search frames of the shared clips in DIR for faces")
    parser.add_argument("--sheets", type=Path, nargs="+", metavar=("DIR", "CLIP"), help="draw contact sheets into DIR")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result to FILE")
    return parser


def main(argv: Sequence[str]) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    if options.repeat < 1 or (options.videos is not None and options.videos < 1):
        parser.error("--repeat and --videos are at least 1")
    machine = facts()
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        keep = options.keep or Path(folder)
        keep.mkdir(parents=True, exist_ok=True)
        result = asyncio.run(measure(options, keep.resolve()))
    if options.json:
        options.json.write_text(json.dumps({**result, "machine": asdict(machine)}, indent=2) + "\n")
    report(table.tables(result), result, machine)
    return int(not all(result.get("goals", {}).values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
