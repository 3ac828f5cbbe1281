"""Does the installation hold so many requests a second, and where does it break?

Players begin sessions and read playlists (70 %), applications read the API (25 %) and begin and abort uploads (5 %), at
fixed times and by a bounded number of connections: latency counts from when a request was due. By default of a stack of
the benchmark's own, with the CPU time of each program; --running loads the installation of KADR_API_URL or KADR_HOME.

The gate is that no request fails and the 99th percentile stays below 200 ms; without --find-knee the command ends with
1 where it does not hold. A load on the same machine takes CPU from what it measures.
"""

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.gate.trees import Tree, worktree
from benchmarks.harness.client import Api
from benchmarks.harness.machine import facts, report
from benchmarks.harness.open_loop import CONNECT_S, SLOW_MS, STEP, Generator, climb_in_turn, generator, table
from benchmarks.harness.programs import cores, cpu_s
from benchmarks.harness.stack import running
from benchmarks.load.scenario import MIX, Scenario, clean_up, prepare
from studio import BUILT, FOLDER, MODULES

WARM_UP_S = 5.0
WARM_UP_RATE = 50.0
BUSY_PROGRAM = 0.7  # cores of a program that has nothing to spare when many requests come at once
FULL_GENERATOR = 0.9  # cores of one process of the load: beyond, the load is what is measured


Climbed = tuple[list[dict[str, Any]], str | None]  # the steps, and why the last was too much, if it was


async def of_own_stacks(options: argparse.Namespace, beside: Tree | None) -> list[Climbed]:
    """Of a stack that is started for it, and of one of another commit, both with all rates in turn."""
    async with AsyncExitStack() as stacks:
        targets = []
        for tree in (None, beside.folder) if beside else (None,):
            stack = await stacks.enter_async_context(running(workers=1, tree=tree))
            targets.append((await prepare(stack.api, options.titles, options.tokens), stack.pid))
        return await asyncio.to_thread(_steps, targets, options)


async def of_running(api: Api, options: argparse.Namespace) -> list[Climbed]:
    """The same of an installation that runs, which is left as it was."""
    try:
        scenario = await prepare(api, options.titles, options.tokens)
        return await asyncio.to_thread(_steps, [(scenario, None)], options)
    finally:
        await clean_up(api)


def _steps(targets: Sequence[tuple[Scenario, int | None]], options: argparse.Namespace) -> list[Climbed]:
    seconds = options.minutes * 60
    with generator(options.processes, options.connections) as sending:
        for scenario, _ in targets:
            sending.step(scenario, WARM_UP_RATE, WARM_UP_S)
        ways = [partial(_step, sending, scenario, seconds, root) for scenario, root in targets]
        return climb_in_turn(ways, options.rate, until_too_much=options.find_knee)


def _step(sending: Generator, scenario: Scenario, seconds: float, root: int | None, rate: float) -> dict[str, Any]:
    began, before = time.monotonic(), cpu_s(root) if root else {}
    step = sending.step(scenario, rate, seconds)
    if root:
        # Nothing is sent while the processes of the load connect.
        step["cores"] = cores(before, cpu_s(root), time.monotonic() - began - CONNECT_S)
    return step


def busiest(step: Mapping[str, Any]) -> str:
    """What had the least to spare in a step: a program of the stack, or the load."""
    if step["busiest_generator"] >= FULL_GENERATOR:
        return "the load itself: give it more --processes, or another machine"
    found = step.get("cores", {})
    if not found:
        return "not known"
    name, used = next(iter(found.items()))
    waits = "" if used >= BUSY_PROGRAM else ", which is no full one: what it waited for is not in this table"
    return f"{name} with {used} cores{waits}"


def conclusion(steps: Sequence[Mapping[str, Any]], why: str | None, *, knee: bool) -> tuple[dict[str, Any], str]:
    """What the steps say, as fields and as a sentence."""
    last = steps[-1]
    if not knee:
        return {"holds": why is None}, f"{last['rate']:.0f} requests a second: {why or 'held'}"
    held = steps[-2]["rate"] if len(steps) > 1 else None
    known = {"knee_per_s": held, "too_much_per_s": last["rate"], "stopped_by": why, "busiest": busiest(last)}
    at = "below the first rate" if held is None else f"at {held:.0f} requests a second"
    return known, f"knee: {at}; {last['rate']:.0f} was too much ({why}); busiest then: {busiest(last)}"


def cores_table(steps: Sequence[Mapping[str, Any]]) -> str:
    """Cores that each program used, a row for each step."""
    names = list(dict.fromkeys(name for step in steps for name in step.get("cores", {})))
    lines = [f"{'target/s':>8} {'load':>6} " + " ".join(f"{name:>10}" for name in names)]
    for step in steps:
        used = " ".join(f"{step.get('cores', {}).get(name, 0):>10.2f}" for name in names)
        lines.append(f"{step['rate']:>8.0f} {step['busiest_generator']:>6.2f} {used}")
    lines.append("cores each program used; load: of the busiest process that sends")
    return "\n".join(lines)


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench load",
        description=__doc__.replace("%", "%%"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rate", type=float, default=500.0, help="requests a second (default: 500)")
    parser.add_argument("--minutes", type=float, default=10.0, help="duration of each step (default: 10)")
    parser.add_argument(
        "--find-knee",
        action="store_true",
        help=f"raise the rate by {STEP - 1:.0%}% a step until a request fails or p99 is above {SLOW_MS:.0f} ms",
    )
    parser.add_argument(
        "--connections", type=int, default=128, help="maximum number of connections, over all processes (default: 128)"
    )
    parser.add_argument("--processes", type=int, default=1, help="processes that generate load (default: 1)")
    parser.add_argument("--titles", type=int, default=4, help="titles to publish first (default: 4)")
    parser.add_argument("--tokens", type=int, default=400, help="playback tokens to use by chance (default: 400)")
    parser.add_argument("--running", action="store_true", help="load the installation of KADR_API_URL or KADR_HOME")
    parser.add_argument(
        "--beside", metavar="COMMIT", help="another release, such as the last one: a stack of it gets each rate, too"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the JSON here, too, as for kadr bench capacity")
    options = parser.parse_args(argv)
    if min(options.rate, options.minutes, options.connections, options.processes, options.titles, options.tokens) <= 0:
        parser.error("rate, minutes, connections, processes, titles and tokens are above 0")
    if options.running and options.beside:
        parser.error("--beside starts stacks of its own: it does not go with --running")
    machine = facts()
    with ExitStack() as stack:
        other = _checked_out(options.beside, stack) if options.beside else None
        found = asyncio.run(
            of_running(Api.from_environment(), options) if options.running else of_own_stacks(options, other)
        )
    told = [conclusion(steps, why, knee=options.find_knee) for steps, why in found]
    result: dict[str, Any] = {"benchmark": "load", "mix": MIX, "seconds": options.minutes * 60}
    result |= {"steps": found[0][0], **told[0][0]}
    text = _text(found[0][0], told[0][1])
    if other:
        result["beside"] = {"commit": other.commit, "steps": found[1][0], **told[1][0]}
        text += f"\n\nbeside: {other.commit[:12]}\n{_text(found[1][0], told[1][1])}"
    if options.out:
        options.out.write_text(json.dumps({**result, "machine": asdict(machine)}, indent=2) + "\n")
    report(text, result, machine)
    return 1 if found[0][1] and not options.find_knee else 0


def _text(steps: list[dict[str, Any]], sentence: str) -> str:
    return f"{table(steps)}\n\n{cores_table(steps)}\n\n{sentence}"


def _checked_out(commit: str, stack: ExitStack) -> Tree:
    """A commit of this checkout in a folder of its own, until the stack is closed. It has our built pages."""
    folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kadr-bench-"))) / "beside"
    tree = stack.enter_context(worktree(Path(__file__).parents[2], commit, folder))
    for name in (BUILT.name, MODULES.name):  # not in the repository
        (folder / "studio" / name).symlink_to(FOLDER / name)
    return tree
