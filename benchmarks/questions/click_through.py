"""Does learning which poster is clicked pay? A SIMULATION: viewers are drawn from made-up rates, nobody looked.

Worlds of five candidates: all equal, one 20 % better, one far better, the automatic choice already the best, and one
where the best becomes bad and another becomes good. Strategies: Thompson sampling as in the origin (10 % spread evenly,
stop at P(best) > 0.95), the same without stopping, an even A/B test without stopping, an even A/B test with the same
stop rule, and the automatic choice for everybody.

reward: clicked and watched, per 1000 impressions. regret: reward lost against always showing the current best.
worst: share of all impressions given to the worst candidate. least: the smallest propensity of any candidate before
the stop. stopped: how many runs declared a winner; where all are alike each one is chance, and costs nothing. right: of
those, how many on what is the best when the time is over; where rates drift that was another one when they stopped.
Intervals are 95 %: of means over runs by their standard error, of rates by Wilson. A reward is known before its batch
is over here; in life some come a batch later.
"""

import argparse
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.clicks.worlds import WORLDS, Array, Runs, Strategy, World, simulate
from benchmarks.harness.machine import facts, report
from benchmarks.harness.rates import Z95, wilson
from thumbnails.experiments import assignment

SEED = 20260801
LABEL = "SIMULATION, not viewers"
Z_ALL = 3.09  # standard normal quantile for 25 estimates of which none is further off, 95 % of the time


def mean(values: Array) -> dict[str, float]:
    """With its 95 % interval over runs."""
    value, half = float(values.mean()), Z95 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return {"value": value, "low": value - half, "high": value + half}


def compare(*, runs: int, batches: int, viewers: int, seed: int = SEED) -> dict[str, Any]:
    worlds = {}
    for world in WORLDS:
        found = {
            strategy: simulate(world, strategy, runs=runs, batches=batches, viewers=viewers, seed=seed)
            for strategy in Strategy
        }
        worlds[world.name] = {
            "rates": {"start": list(world.start), "end": list(world.end)},
            "ways": {strategy.value: _summary(world, found[strategy]) for strategy in Strategy},
            "log": _log(world, found[Strategy.ENDLESS]),
        }
    return {
        "benchmark": "click_through",
        "simulation": True,
        "label": LABEL,
        "runs": runs,
        "impressions": batches * viewers,
        "impressions_of_a_batch": viewers,
        "seed": seed,
        "rule": {
            "explore": assignment.EXPLORE,
            "sure": assignment.SURE,
            "least_impressions": assignment.LEAST_IMPRESSIONS,
        },
        "worlds": worlds,
        "goals": goals(worlds),
    }


def _summary(world: World, found: Runs) -> dict[str, Any]:
    stopped = found.winner >= 0
    best = np.flatnonzero(np.isclose(world.end, max(world.end)))  # when the time is over
    summary: dict[str, Any] = {
        "reward_of_1000": mean(1000 * found.reward),
        "regret_of_1000": mean(1000 * found.regret),
        "worst_share": mean(found.worst_share),
        "least_propensity": float(found.least_share.min()),
        "least_shown": float(found.least_shown.min()),
        "stopped": _rate(int(stopped.sum()), len(stopped)),
    }
    if stopped.any():
        if world.differs:
            summary["right"] = _rate(int(np.isin(found.winner[stopped], best).sum()), int(stopped.sum()))
        summary["median_impressions_to_stop"] = float(np.median(found.stopped_at[stopped]))
    return summary


def _rate(hits: int, trials: int) -> dict[str, float]:
    found = wilson(hits, trials)
    return {"value": found.value, "low": found.low, "high": found.high}


def _log(world: World, found: Runs) -> list[dict[str, Any]]:
    """Of each candidate: how far the logged propensities, and the plain mean, are from the true mean rate."""
    truth = (np.asarray(world.start) + np.asarray(world.end)) / 2
    return [
        {
            "rate_of_1000": 1000 * float(rate),
            "weighed_error_of_1000": mean(1000 * (found.weighed[:, arm] - rate)),
            "plain_error_of_1000": mean(1000 * (found.plain[:, arm] - rate)),
        }
        for arm, rate in enumerate(truth)
    ]


def goals(worlds: dict[str, Any]) -> dict[str, bool]:
    """What the optimiser is for. Of the log: all intervals at once at 95 %, so each one is wider (Bonferroni)."""
    summary = {}
    floor = assignment.EXPLORE / len(WORLDS[0].start)
    for world in WORLDS:
        ways = worlds[world.name]["ways"]
        ours = ways[Strategy.THOMPSON]
        if world.differs:
            ahead = ours["reward_of_1000"]["low"] > ways[Strategy.UNIFORM]["reward_of_1000"]["high"]
            summary[f"{world.name}: more reward than uniform, intervals apart"] = ahead
        summary[f"{world.name}: nobody starves before the stop"] = ours["least_propensity"] >= floor - 1e-12
    errors = [error["weighed_error_of_1000"] for name in worlds for error in worlds[name]["log"]]
    sigmas = [abs(error["value"]) / ((error["high"] - error["low"]) / 2 / Z95) for error in errors]
    summary["the log is unbiased in every world"] = max(sigmas) < Z_ALL
    return summary


def _table(result: dict[str, Any]) -> str:
    lines = [
        f"{LABEL}: {result['runs']} runs of {result['impressions']} impressions, "
        f"{result['impressions_of_a_batch']} in a batch, seed {result['seed']}"
    ]
    for name, world in result["worlds"].items():
        start, end = world["rates"]["start"], world["rates"]["end"]
        moves = f" -> {end}" if start != end else ""
        lines += [
            "",
            f"{name}: true rates {start}{moves}   [{LABEL}]",
            f"{'':<22}{'reward of 1000':>22}{'regret':>8}{'worst %':>9}{'least %':>9}{'stopped %':>11}"
            f"{'right %':>22}{'impressions':>13}",
        ]
        lines += [_line(strategy, found) for strategy, found in world["ways"].items()]
        errors = [error["weighed_error_of_1000"] for error in world["log"]]
        plain = [error["plain_error_of_1000"]["value"] for error in world["log"]]
        summary = "  ".join(f"{error['value']:+.3f} ({error['low']:+.3f} to {error['high']:+.3f})" for error in errors)
        lines.append(f"  error of 1000, weighed by the log: {summary}")
        lines.append(f"  error of 1000, plain means:        {'  '.join(f'{error:+.3f}' for error in plain)}")
    lines.append("")
    lines += [f"{'met' if met else 'NOT met':>8}: {goal}" for goal, met in result["goals"].items()]
    return "\n".join(lines)


def _line(strategy: str, found: dict[str, Any]) -> str:
    reward, right = found["reward_of_1000"], found.get("right")
    line = f"  {strategy:<20}{reward['value']:>8.2f} ({reward['low']:.2f}-{reward['high']:.2f})"
    line += f"{found['regret_of_1000']['value']:>8.2f}{100 * found['worst_share']['value']:>9.2f}"
    line += f"{100 * found['least_propensity']:>9.2f}{100 * found['stopped']['value']:>11.1f}"
    if "median_impressions_to_stop" not in found:
        return line
    rate = f"{100 * right['value']:.1f} ({100 * right['low']:.1f}-{100 * right['high']:.1f})" if right else "-"
    return f"{line}{rate:>22}{found['median_impressions_to_stop']:>13.0f}"


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench click_through", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--runs", type=int, default=200, help="simulated experiments of each strategy in each world (default: 200)"
    )
    parser.add_argument("--batches", type=int, default=100, help="batches of one experiment (default: 100)")
    parser.add_argument("--viewers", type=int, default=500, help="impressions in one batch (default: 500)")
    parser.add_argument("--seed", type=int, default=SEED, help=f"seed of the random numbers (default: {SEED})")
    options = parser.parse_args(argv)
    if options.runs < 2 or options.batches < 1 or options.viewers < 1:
        parser.error("--runs is at least 2, --batches and --viewers at least 1")
    machine = facts()
    result = compare(runs=options.runs, batches=options.batches, viewers=options.viewers, seed=options.seed)
    report(_table(result), result, machine)
    return 0


if __name__ == "__main__":
    import sys

    sys.exit(main(sys.argv[1:]))
