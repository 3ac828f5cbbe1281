"""Every benchmark in turn, and one report of all: which knob to turn, in an HTML page and in JSON.

Each is a program of its own; its result is kept in --out as soon as it is there. Interrupted, the same command goes on
where it was: what is kept is not run again, what failed is. A benchmark that fails is named in the report. Fixed pieces
of work are timed before, between and after, so that `kadr bench compare` can tell a slow day from a slow program.

The full protocol of the encodes: --only transcode --clips FILE... --peers A,B,C,D --repeat 3. Every clip is a part.
"""

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.all import page
from benchmarks.all.money import money
from benchmarks.all.parts import NAMES, Kept, Part, Wanted, parts
from benchmarks.all.run import run
from benchmarks.gate import trees
from benchmarks.harness.clips import read_clip
from benchmarks.harness.machine import UNKNOWN, facts
from benchmarks.harness.speed import calibrate
from benchmarks.transcode import plot
from core.settings import Settings
from presets.scenario import DEFAULT_SCENARIO
from transcode.encode.capabilities import ffmpeg_binary

FOLDER = Path(".kadr-bench")
ROOT = Path(__file__).parents[2]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kadr bench all", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one short round of each, about a quarter of an hour")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help=f"only these: {', '.join(NAMES)}")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder of results (default: a new one in .kadr-bench, by the time)"
    )
    parser.add_argument(
        "--clips", nargs="+", type=Path, default=(), metavar="FILE", help="to encode (default: a generated clip)"
    )
    parser.add_argument("--peers", default="A", metavar="A,B,C,D", help="to compare the encodes with (default: A)")
    parser.add_argument("--repeat", type=int, metavar="N", help="rounds of the encodes (default: 3, with --quick 1)")
    parser.add_argument(
        "--scenario", default=DEFAULT_SCENARIO, metavar="NAME|FILE", help="of kadr cost (default: %(default)s)"
    )
    parser.add_argument("--report-only", action="store_true", help="run nothing: a report of what is kept so far")
    return parser


def commit_of(root: Path) -> str:
    """The commit of a checkout, "with changes" where files are not as in it; UNKNOWN where there is none."""
    try:
        head = trees.git(root, "rev-parse", "HEAD")
        return f"{head} with changes" if trees.uncommitted(root) else head
    except trees.GitFailed:
        return UNKNOWN


def main(argv: Sequence[str]) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    if options.repeat is not None and options.repeat < 1:
        parser.error("--repeat is at least 1")
    if options.report_only and options.out is None:
        parser.error("--report-only needs the --out of the run")
    if missing := [str(clip) for clip in options.clips if not clip.is_file()]:
        parser.error(f"{missing[0]} is not there")
    plot.require_matplotlib("the report")
    cost = money(options.scenario)
    folder: Path = options.out or FOLDER / time.strftime("all-%Y%m%d-%H%M%S")
    kept = Kept(folder)
    clips = tuple(options.clips) or (_generated(folder),)
    wanted = Wanted(
        quick=options.quick, only=tuple(options.only), clips=clips, peers=options.peers, repeat=options.repeat
    )
    planned = parts(wanted)
    try:
        if not options.report_only:
            run(planned, kept, calibrate=partial(calibrate, ffmpeg_binary(Settings.load())), commit=commit_of(ROOT))
    finally:
        html = _write(kept, planned, quick=options.quick, cost=cost)
        print(f"{html} and report.json beside it; --out {folder} goes on here", file=sys.stderr)  # noqa: T201
    return int(any((value := kept.read(part)) is None or "error" in value for part in planned))


def _generated(folder: Path) -> Path:
    """A clip of ten seconds, made once."""
    clip = folder / "made.mp4"
    if not clip.is_file():
        with tempfile.TemporaryDirectory(prefix="kadr-bench-") as made:
            clip.write_bytes(read_clip(None, Path(made))[1])
    return clip


def _write(kept: Kept, planned: Sequence[Part], *, quick: bool, cost: dict[str, Any]) -> Path:
    """Write report.json and report.html of what is kept by now."""
    values = {part.id: kept.read(part) for part in planned}
    found = page.report(
        [value for value in values.values() if value is not None],
        facts(),
        quick=quick,
        missing=[name for name, value in values.items() if value is None],
        cost=cost,
    )
    (kept.folder / "report.json").write_text(json.dumps(found, indent=2) + "\n")
    html = kept.folder / "report.html"
    html.write_text(page.page(found))
    return html
