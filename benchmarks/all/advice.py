"""Which knob to turn: one paragraph for each that this run measured, with what it brought. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.all import efforts

CORE_LOAD = 0.7  # of a core: what is left is for the moments in which more people come


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """What it is called, how it is turned, and what that does by this run's numbers."""

    name: str
    how: str
    effect: str


def knobs(parts: Sequence[dict[str, Any]]) -> list[Knob]:
    """Those that were measured, the most important first."""
    results = {part["benchmark"]: part["result"] for part in parts if "result" in part}
    found = _efforts(efforts.clips_of(parts))
    if origin := results.get("origin"):
        found += _origin(origin)
    if workers := results.get("workers"):
        found.append(_workers(workers))
    if player := results.get("player"):
        found.append(_player(player))
    if startup := results.get("startup"):
        found += _startup(startup)
    if api := results.get("api"):
        found += _api(api)
    if load := results.get("load"):
        found.append(_load(load))
    if overhead := results.get("overhead"):
        found.append(_overhead(overhead))
    return found


def _percent(ratio: float, what: str) -> str:
    change = round(100 * (ratio - 1))
    return f"{abs(change)} % {'more' if change > 0 else 'less'} {what}" if change else f"the same {what}"


def _efforts(clips: Sequence[dict[str, Any]]) -> list[Knob]:
    found = []
    for step in efforts.steps(clips):
        effect = (
            f"Than balanced, the default: {_percent(step.cpu, 'CPU')} for an encode, {_percent(step.bytes, 'bytes')} "
            f"for who watches the top rung, {step.vmaf:+.1f} points of VMAF (over {step.clips} {_clips(step.clips)})."
        )
        if step.gb_per_cpu_hour is not None and step.cpu > 1 and step.gb_per_cpu_hour > 0:
            effect += (
                f" Each CPU hour more saves {step.gb_per_cpu_hour:,.0f} GB of traffic where a title is watched in full "
                f"{efforts.VIEWS:,} times: worth it where that traffic costs more than the hour."
            )
        elif step.gb_per_cpu_hour is not None and step.cpu < 1 and step.bytes < 1:
            effect += " It saves both, and pays with quality: look at the points of VMAF before you take it."
        found.append(
            Knob(name=f"effort: {step.name}", how=f"the upload's option `effort`: `{step.name}`", effect=effect)
        )
    return found


def _clips(count: int) -> str:
    return "clip" if count == 1 else "clips"


def _origin(result: dict[str, Any]) -> list[Knob]:
    by = {
        (run["what"], run["server"]): run["per_cpu_s"]
        for run in result["runs"]
        if run["connections"] == result["runs"][0]["connections"]
    }
    found = []
    if sessions := by.get(("playlist", "origin")):
        found.append(
            Knob(
                name="origin processes",
                how="`kadr origin --processes N`, a core for each",
                effect=f"One core begins {sessions:,.0f} sessions in each second of its time: plan with "
                f"{sessions * CORE_LOAD:,.0f} a second and core.",
            )
        )
    own, edge = by.get(("segment", "origin")), by.get(("segment", "edge"))
    if own and edge:
        found.append(
            Knob(
                name="an edge before the origin",
                how="deploy/edge, or a CDN by `KADR_CDNS`",
                effect=f"The edge sends {edge / own:.1f} times as many segments as the origin for the same CPU.",
            )
        )
    return found


def _workers(result: dict[str, Any]) -> Knob:
    speedup = result["speedup"]
    busy = ": one encode keeps the cores busy already, and another worker needs cores of its own"
    return Knob(
        name="workers",
        how="a `kadr worker` more, on cores of its own",
        effect=f"Two workers here were {speedup:.2f} times as fast as one{busy if speedup < 1.2 else ''}.",
    )


def _player(result: dict[str, Any]) -> Knob:
    times = {run["from"]: run["p50_ms"] for run in result["runs"] if run["player"] == "kadr"}
    ratios = result["ratios"]
    return Knob(
        name="start of playback",
        how="the player loads with the page: docs/player.md",
        effect=f"The first picture came {times['page']:,} ms after the page was opened, {times['click']:,} ms after a "
        f"click and {times['hover']:,} ms after one with the pointer over it before: {ratios['page']:.2f}, "
        f"{ratios['click']:.2f} and {ratios['hover']:.2f} times plain hls.js.",
    )


def _startup(result: dict[str, Any]) -> list[Knob]:
    """Longer segments, and a longer buffer, each against the shortest of both, over every network."""
    runs = {(run["segment_s"], run["buffer_s"], run["network"]): run for run in result["runs"]}
    segment, buffer = min(key[0] for key in runs), min(key[1] for key in runs)
    segments = {key: key[0] for key in runs if key[0] > segment and key[1] == buffer}
    buffers = {key: key[1] for key in runs if key[1] > buffer and key[0] == segment}

    def effect(longer: dict[tuple[int, int, str], int]) -> str:
        told = []
        for key, seconds in longer.items():
            short, long = runs[segment, buffer, key[2]], runs[key]
            told.append(
                f"{seconds} s over {key[2]}: the first picture after {long['first_ms']:,.0f} ms instead of "
                f"{short['first_ms']:,.0f}, and {long['megabytes']:.2f} MB loaded after {result['watched_s']:g} s "
                f"instead of {short['megabytes']:.2f}."
            )
        return " ".join(told)

    found = [
        Knob(
            name="segments of short clips",
            how="`gops_per_segment` of `short-vertical` in profiles.yaml",
            effect=effect(segments),
        ),
        Knob(name="what players load ahead", how="`buffer` of `<kadr-player>`", effect=effect(buffers)),
    ]
    return [knob for knob in found if knob.effect]


def _api(result: dict[str, Any]) -> list[Knob]:
    last = result["steps"][-1]
    if limit := result.get("limit_per_s"):
        effect = f"One process held {limit:,.0f} mixed reads a second; then {result['stopped_by']}."
    elif last["errors"]:
        effect = f"At {last['rate']:,.0f} reads a second there were errors: {last['errors']}."
    else:
        p99 = last["latency_ms"]["all"]["p99"]
        effect = f"At {last['rate']:,.0f} reads a second 99 of 100 were answered within {p99:g} ms."
    return [Knob(name="API processes", how="another `kadr api` behind your balancer", effect=effect)]


def _load(result: dict[str, Any]) -> Knob:
    last = result["steps"][-1]
    p99 = last["latency_ms"]["all"]["p99"]
    answered = "none was answered" if p99 is None else f"p99 was {p99:g} ms"
    effect = f"At {last['rate']:,.0f} requests a second, sessions, reads and uploads together, {answered}"
    effect += f" and {sum(last['errors'].values())} failed." if last["errors"] else " and none failed."
    return Knob(
        name="everything at once", how="`kadr bench capacity` computes machines from `kadr bench load`", effect=effect
    )


def _overhead(result: dict[str, Any]) -> Knob:
    ratio = result["ratio"]
    return Knob(
        name="what the pipeline itself costs",
        how="nothing to turn: longer titles pay relatively less",
        effect=f"Upload to published takes {ratio['cpu_s']:.2f} times the CPU and {ratio['wall_s']:.2f} times the time "
        "of the bare ffmpeg commands, analysis, checks, storage and database included.",
    )
