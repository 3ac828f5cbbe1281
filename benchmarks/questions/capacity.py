"""How many machines does so much traffic take? Computed from what `kadr bench load` has measured.

In: the JSON of a run (--out). Out: a page with what one request costs each program in CPU time, the formulas, and the
cores for 1,000, 5,000 and 50,000 requests a second and for 1M and 10M monthly users. Nothing is measured here. What is
assumed of users has a name in the page and an option here.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from benchmarks.harness.open_loop import too_much
from benchmarks.load.scenario import OF_ORIGIN
from core.errors import ConfigError

RATES = (1_000, 5_000, 50_000)
USERS = (1_000_000, 10_000_000)
SERVERS = ("postgresql", "redis", "storage")  # for requests of both doors
SECONDS_A_MONTH = 30 * 86_400
NOTES = """
Encodes are not in it: they are `kadr cost`'s, and wait in a queue. Segments come from CDNs; what those miss is answered
by the edge and the origin's disk cache (`kadr bench origin`). A process of API or origin uses one core: run several.
The column of PostgreSQL is of the primary and its replica together; `KADR_DATABASE_REPLICA_URL` moves reads there.
""".strip().splitlines()


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumptions:
    """What is not measured. Rates are of one monthly user; shares are of one."""

    starts: float = 11.0  # 8 of clips, and 5 % of all users begin 60 lessons
    requests_a_start: float = 3.0  # the session and two media playlists; segments are the CDN's
    api_requests_a_start: float = 0.05  # the application asks for what its page shows, and keeps it
    peak: float = 4.0  # busiest hour against the mean of the month
    utilisation: float = 0.6  # of a core, so that the queue before it stays short
    machine_cores: float = 8.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """CPU time of one request in ms: of the API's own program for its requests, of the origin's for its own, of each
    server for either."""

    rate: float
    api_ms: float
    origin_ms: float
    servers_ms: Mapping[str, float]


def costs(result: Mapping[str, Any]) -> Costs:
    """From the fastest step that held. Raises ConfigError where none did, or where no CPU time was measured."""
    held = [step for step in result["steps"] if too_much(step) is None and step.get("cores")]
    if not held:
        raise ConfigError(
            "no step of this run held with the CPU time of each program: run kadr bench load without --running"
        )
    step = max(held, key=lambda one: one["rate"])
    rate, used = step["answered_per_s"], step["cores"]
    of_origin = sum(result["mix"][kind] for kind in OF_ORIGIN) / sum(result["mix"].values())
    return Costs(
        rate=rate,
        api_ms=1000 * used["api"] / (rate * (1 - of_origin)),
        origin_ms=1000 * used["origin"] / (rate * of_origin),
        servers_ms={name: 1000 * used.get(name, 0.0) / rate for name in SERVERS},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """Requests a second, and the cores for them by program."""

    api_per_s: float
    origin_per_s: float
    cores: Mapping[str, float]

    @property
    def all_cores(self) -> float:
        return sum(self.cores.values())


def need(found: Costs, assumed: Assumptions, api_per_s: float, origin_per_s: float) -> Need:
    """cores = requests a second x ms a request / 1000 / utilisation."""
    busy = {"api": api_per_s * found.api_ms, "origin": origin_per_s * found.origin_ms}
    busy |= {name: (api_per_s + origin_per_s) * ms for name, ms in found.servers_ms.items()}
    return Need(
        api_per_s=api_per_s,
        origin_per_s=origin_per_s,
        cores={name: ms / 1000 / assumed.utilisation for name, ms in busy.items()},
    )


def of_rate(found: Costs, assumed: Assumptions, mix: Mapping[str, float], rate: float) -> Need:
    of_origin = sum(mix[kind] for kind in OF_ORIGIN) / sum(mix.values())
    return need(found, assumed, rate * (1 - of_origin), rate * of_origin)


def of_users(found: Costs, assumed: Assumptions, users: float) -> Need:
    """starts a second at the peak = users x starts x peak / seconds of a month."""
    starts_per_s = users * assumed.starts * assumed.peak / SECONDS_A_MONTH
    return need(found, assumed, starts_per_s * assumed.api_requests_a_start, starts_per_s * assumed.requests_a_start)


def page(result: Mapping[str, Any], assumed: Assumptions) -> str:
    """The capacity page as Markdown: what was measured, what is assumed, and the machines that follow."""
    found, machine = costs(result), result["machine"]
    names = ["api", "origin", *SERVERS]
    needs = [(f"{rate:,} requests a second", of_rate(found, assumed, result["mix"], rate)) for rate in RATES]
    needs += [(f"{users // 1_000_000}M monthly users", of_users(found, assumed, users)) for users in USERS]
    rows = [
        f"| {what} | {one.api_per_s:,.0f} | {one.origin_per_s:,.0f} | "
        + " | ".join(f"{one.cores[name]:.1f}" for name in names)
        + f" | {max(1.0, one.all_cores / assumed.machine_cores):.1f} |"
        for what, one in needs
    ]
    costs_of = {"api, a request of its own": found.api_ms, "origin, a request of its own": found.origin_ms}
    costs_of |= {f"{name}, a request of either": ms for name, ms in found.servers_ms.items()}
    knee = result.get("knee_per_s")
    seen = (
        f"; the knee of this one machine was at {knee:,.0f} ({result['stopped_by']}; {result['busiest']})"
        if knee
        else ""
    )
    lines = [
        "# Capacity",
        "",
        "Written by `kadr bench capacity`; do not edit. Measured is what a request costs; the rest is arithmetic.",
        "",
        "## Measured",
        "",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, Python {machine['python']}: "
        f"{found.rate:,.0f} requests a second of the mix of `kadr bench load` for {result['seconds']:.0f} s"
        f"{seen}. The load ran on the same machine.",
        "",
        "| CPU time | ms |",
        "|---|---|",
        *(f"| {name} | {ms:.3f} |" for name, ms in costs_of.items()),
        "",
        "## Assumed",
        "",
        "| name | value |",
        "|---|---|",
        *(f"| `{one.name}` | {getattr(assumed, one.name):g} |" for one in fields(assumed)),
        "",
        "## Computed",
        "",
        "- cores = requests a second x ms a request / 1000 / `utilisation`",
        "- starts a second = users x `starts` x `peak` / 2,592,000",
        "- requests a second of the origin = starts a second x `requests_a_start`; of the API x `api_requests_a_start`",
        "- machines = all cores / `machine_cores`, at least one; two of each program for the day one of them fails",
        "",
        "| traffic | API req/s | origin req/s | " + " | ".join(f"{name} cores" for name in names) + " | machines |",
        "|---|" + "---|" * (len(names) + 3),
        *rows,
        "",
        *NOTES,
    ]
    return "\n".join(lines) + "\n"


def _read(file: Path) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text())
    except (OSError, ValueError) as exc:
        raise ConfigError(f"{file} cannot be read: {exc}") from exc
    if not isinstance(value, dict) or value.get("benchmark") != "load" or "machine" not in value:
        raise ConfigError(f"{file} is no file of kadr bench load --out FILE")
    return value


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="kadr bench capacity", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="JSON of kadr bench load --out FILE")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the page here (default: print it)")
    for one in fields(Assumptions):
        parser.add_argument(
            f"--{one.name.replace('_', '-')}", type=float, default=one.default, help=f"default: {one.default}"
        )
    options = parser.parse_args(argv)
    assumed = Assumptions(**{one.name: getattr(options, one.name) for one in fields(Assumptions)})
    if min(getattr(assumed, one.name) for one in fields(Assumptions)) <= 0:
        parser.error("all numbers are above 0")
    text = page(_read(options.file), assumed)
    if options.out:
        options.out.write_text(text)
    else:
        sys.stdout.write(text)
    return 0
