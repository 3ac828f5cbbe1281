"""What does an encode cost, and how good is its output, compared with other encoding pipelines?

Kadr is measured as the command `kadr encode`, from start to end: probe, analysis, video, audio, joins and playlists,
Python's start-up included. The peers (benchmarks/transcode/peers.py) use the same ffmpeg. All take turns, round after
round, on the same clip; medians are compared. A failed encode is shown as failed; if it is Kadr's, the exit code is 1.

wall_s, cpu_s: per minute of source, of every process the encode started (benchmarks/harness/metered.py).
bytes: all media files, audio and headers included.
VMAF, XPSNR: every rung, once per distinct output, against the source at the rung's frame rate
(benchmarks/transcode/quality.py). BD-rate: bits at equal quality relative to A, over the scores both ladders reach.
--short: clips of 4, 8 and 15 s, cut from those given; only CPU, and that of the pictures step as a share of the fixed
ladder's (benchmarks/transcode/short_clips.py).
delivered: VMAF of the best rung whose peak rate over 6 s, audio included, fits into a bandwidth.
"""

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness.machine import facts, report
from benchmarks.transcode import acceptance, peers, plot, shaka, short_clips
from benchmarks.transcode.acceptance import BASE
from benchmarks.transcode.rounds import BANDWIDTHS_BPS, BenchmarkOptions, System, compare
from core.errors import ConfigError
from core.sandbox.child import ChildRunner
from core.settings import Settings
from transcode.encode.capabilities import ffmpeg_binary
from transcode.probe.probe import probe

OURS = (acceptance.SAME, *acceptance.EFFORTS)


def ours(clip: peers.Clip, name: str, preset: str) -> peers.Job:
    """`kadr encode` with an effort; `same` is Apple's ladder at A's preset, to compare orchestration alone."""
    command = [sys.executable, "-m", "kadr", "encode", str(clip.path), "--out", "out", "--json"]
    if name == acceptance.SAME:
        command += ["--ladder", "apple", "--effort", acceptance.BALANCED, "--preset", preset]
    else:
        command += ["--ladder", "smart", "--effort", name]
    return peers.Job(commands=(tuple(command),), outputs=("out/index.m3u8",))


async def look(path: Path, settings: Settings) -> peers.Clip:
    """Raises Rejected, and ConfigError for a file that cannot be compared."""
    runner = await ChildRunner.detect(settings.sandbox)
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        source, _ = await probe(
            path, Path(folder), runner, max_pixels=settings.max_pixels, max_duration_s=settings.max_duration_s
        )
    return peers.clip_of(path, source)


def _table(clip: dict[str, Any]) -> str:
    about = clip["clip"]
    budgets = "".join(f"{'@' + str(budget // 1_000_000):>7}" for budget in BANDWIDTHS_BPS)
    lines = [
        f"{about['name']}: {about['width']}x{about['height']}, {about['seconds']:.1f} s; s and MB per source minute",
        f"{'':<10}{'rungs':>6}{'wall s':>8}{'CPU s':>8}{'x A':>6}{'RSS MB':>8}{'MB':>8}{'x A':>6}"
        f"{'VMAF':>7}{'harm.':>7}{'p1':>7}{'XPSNR':>7}{'BD V %':>8}{'BD X %':>8}{budgets}",
    ]
    for name, found in clip["systems"].items():
        if "error" in found:
            lines.append(f"{name:<10} failed: {' '.join(found['error'].split())[-200:]}")
            continue
        minute, top, ratio = found["per_minute"], found["top"], found.get("ratio", {})
        bd = [found.get("bd_rate", {}).get(metric) for metric in ("vmaf_mean", "xpsnr")]
        lines.append(
            f"{name:<10}{len(found['rungs']):>6}{minute['wall_s']:>8.1f}{minute['cpu_s']:>8.1f}{_x(ratio, 'cpu'):>6}"
            f"{found['median']['peak_rss_bytes'] / 1e6:>8.0f}{minute['bytes'] / 1e6:>8.2f}{_x(ratio, 'bytes'):>6}"
            f"{top['vmaf_mean']:>7.2f}{top['vmaf_harmonic']:>7.2f}{top['vmaf_p1']:>7.2f}{top['xpsnr']:>7.2f}"
            + "".join(f"{one['percent']:>+8.1f}" if one else f"{'-':>8}" for one in bd)
            + "".join(f"{score:>7.1f}" if score else f"{'-':>7}" for score in found["delivered"].values())
        )
    lines.append(
        "x A: ratio to peer A; harm., p1: harmonic mean, 1st percentile of VMAF; BD V, BD X: BD-rate by VMAF, XPSNR"
    )
    lines.append("@N: best VMAF that fits into N Mb/s; RSS: peak memory")
    return "\n".join(lines)


def _x(ratio: dict[str, float], what: str) -> str:
    return f"{ratio[what]:.2f}" if ratio else "-"


def _systems(options: argparse.Namespace, binary: str) -> tuple[System, ...]:
    """Those asked for, except one that cannot be had here: it is left out by name."""
    systems = [System(name=name, job=partial(ours, name=name, preset=options.preset)) for name in options.ours]
    makers: dict[str, Callable[[peers.Clip], peers.Job]] = {
        BASE: partial(peers.tuned, binary=binary, preset=options.preset),
        "B": partial(peers.peertube, binary=binary),
        "C": partial(peers.mediacms, binary=binary),
    }
    systems += [System(name=name, job=makers[name]) for name in options.peers if name in makers]
    if "D" in options.peers:
        try:
            environment = shaka.install(options.shaka_env, binary)
        except shaka.CannotInstall as exc:
            print(f"peer D left out: {exc}", file=sys.stderr)  # noqa: T201
        else:
            job = partial(peers.shaka, program=environment.program)
            systems.append(System(name="D", job=job, path_first=environment.programs))
    return tuple(systems)


def _short(clips: Sequence[Path], benchmark: BenchmarkOptions, settings: Settings) -> list[dict[str, Any]]:
    found = []
    with tempfile.TemporaryDirectory(prefix="kadr-bench-") as folder:
        for path in clips:
            for seconds in short_clips.LENGTHS_S:
                part = short_clips.cut(path.resolve(), Path(folder), seconds, benchmark.binary)
                found.append(short_clips.compare(asyncio.run(look(part, settings)), benchmark))
                print(f"{part.name}: measured", file=sys.stderr)  # noqa: T201
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kadr bench transcode", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", nargs="*", type=Path, metavar="CLIP", help="video files to encode")
    parser.add_argument("--repeat", type=int, default=3, help="rounds (default: 3, at least 3 to publish)")
    parser.add_argument(
        "--ours",
        type=_names(OURS),
        default=OURS,
        help=f"Kadr's variants to measure: {','.join(OURS)} (default: all; - for none)",
    )
    parser.add_argument(
        "--peers", type=_names("ABCD"), default=("A", "B", "C"), help="peers to measure: A,B,C,D (default: A,B,C)"
    )
    parser.add_argument("--preset", default="fast", help="x264 preset of A and of `same` (default: fast)")
    parser.add_argument("--subsample", type=int, default=1, help="measure VMAF on every Nth frame (default: 1)")
    parser.add_argument(
        "--shaka-env", type=Path, default=Path(".kadr-bench/shaka"), help="folder in which peer D is installed"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the result to FILE after every clip")
    parser.add_argument(
        "--from", dest="earlier", type=Path, nargs="+", default=(), help="result files of earlier runs to include"
    )
    parser.add_argument("--summary", action="store_true", help="compare each effort with its targets over all clips")
    parser.add_argument("--short", action="store_true", help="the CPU of short clips, cut from each clip, instead")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="plot quality curves and costs (PNG or SVG)")
    return parser


def _names(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    def parse(value: str) -> tuple[str, ...]:
        names = tuple(dict.fromkeys(value.split(","))) if value != "-" else ()
        if unknown := [name for name in names if name not in known]:
            raise argparse.ArgumentTypeError(f"{unknown[0]!r} is none of {', '.join(known)}")
        return names

    return parse


def _earlier(files: Sequence[Path]) -> list[dict[str, Any]]:
    try:
        return [clip for file in files for clip in json.loads(file.read_text())["clips"]]
    except (OSError, ValueError, KeyError) as exc:
        raise ConfigError(f"--from takes results of this benchmark: {exc}") from exc


def main(argv: Sequence[str]) -> int:
    parser = _parser()
    options = parser.parse_args(argv)
    if options.repeat < 1 or options.subsample < 1:
        parser.error("--repeat and --subsample are at least 1")
    if options.short and not options.clips:
        parser.error("--short takes clips")
    if not options.clips and not options.earlier:
        parser.error("give clips, or results with --from")
    if options.plot:
        plot.require_matplotlib()
    machine, settings = facts(), Settings.load()
    binary = ffmpeg_binary(settings)
    systems = _systems(options, binary) if options.clips else ()
    benchmark = BenchmarkOptions(systems=systems, repeat=options.repeat, subsample=options.subsample, binary=binary)
    result: dict[str, Any] = {"benchmark": "transcode", "repeat": options.repeat, "preset": options.preset}
    if options.short:
        result["short"] = _short(options.clips, benchmark, settings)
        report(short_clips.table(result["short"]), result, machine)
        return int(any("error" in clip["systems"].get(name, {}) for clip in result["short"] for name in OURS))
    result |= {"subsample": options.subsample, "clips": _earlier(options.earlier)}
    for path in options.clips:
        clip = asyncio.run(look(path.resolve(), settings))
        result["clips"].append(compare(clip, benchmark))
        if options.json:
            options.json.write_text(json.dumps({**result, "machine": asdict(machine)}, indent=2) + "\n")
        print(f"{path.name}: measured", file=sys.stderr)  # noqa: T201
    tables = [_table(clip) for clip in result["clips"]]
    if options.summary:
        result["summary"] = acceptance.summarise(result["clips"])
        tables.append(acceptance.table(result["summary"]))
    if options.json:
        options.json.write_text(json.dumps({**result, "machine": asdict(machine)}, indent=2) + "\n")
    if options.plot:
        plot.draw(result["clips"], options.plot)
    report("\n\n".join(tables), result, machine)
    return int(any("error" in clip["systems"].get(name, {}) for clip in result["clips"] for name in OURS))
