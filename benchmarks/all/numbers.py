"""Results of benchmarks -> the numbers in them that two runs can be compared by. Pure.

In: the JSON of a benchmark. Out: `Number`s, each with the values of its repeated runs. What is a ratio to a peer in the
same run is compared as it is; what is a time is compared after the machine's speed was taken out (`speed`).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.harness.speed import PYTHON, X264

Result = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """`group` and `case` name it. `values` are of repeated runs. `speed`: the calibration it goes with, or None.

    `higher`: more of it is better. `score`: on a scale of its own, such as VMAF, so that differences count, not ratios.
    `exact`: the same program makes the same each time, so that one run is enough.
    """

    group: str
    case: str
    unit: str
    values: tuple[float, ...]
    speed: str | None = None
    higher: bool = False
    score: bool = False
    exact: bool = False

    @property
    def name(self) -> str:
        return f"{self.group}: {self.case}"


def numbers(result: Result) -> list[Number]:
    """Those of one benchmark; none of one that is not known here."""
    read = _READERS.get(result.get("benchmark", ""))
    return [number for number in read(result) if number.values] if read else []


def _transcode(result: Result) -> Iterator[Number]:
    for clip in result.get("clips", ()):
        about = clip["clip"]
        for system, found in clip["systems"].items():
            if "error" in found:
                continue
            per_minute = 60 / about["seconds"]

            def of(what: str, *values: float, system: str = system, name: str = about["name"], **more: Any) -> Number:
                unit = more.pop("unit", what)
                return Number(group=f"encode {system}, {what}", case=name, unit=unit, values=values, **more)

            cpu = [run["cpu_s"] * per_minute for run in found["runs"]]
            wall = [run["wall_s"] * per_minute for run in found["runs"]]
            yield of("CPU s per minute", *cpu, speed=X264)
            yield of("wall s per minute", *wall, speed=X264)
            yield of("MB per minute", found["bytes"] * per_minute / 1e6, exact=True)
            yield of("VMAF of the top rung", found["top"]["vmaf_mean"], score=True, higher=True, unit="VMAF")


def _latencies(name: str, steps: Sequence[dict[str, Any]]) -> Iterator[Number]:
    for step in steps:
        rate = f"{step['rate']:g} a second"
        for what in ("p50", "p99"):
            if (value := step["latency_ms"]["all"][what]) is not None:
                yield Number(group=f"{name}, {what}", case=rate, unit="ms", values=(value,), speed=PYTHON)


def _load(result: Result) -> Iterator[Number]:
    yield from _latencies("people's load", result["steps"])


def _api(result: Result) -> Iterator[Number]:
    yield from _latencies("API", result["steps"])
    if result.get("limit_per_s"):
        yield Number(
            group="API, limit", case="reads", unit="per s", values=(result["limit_per_s"],), speed=PYTHON, higher=True
        )


def _origin(result: Result) -> Iterator[Number]:
    for run in result["runs"]:
        if not run["server"].startswith("nginx") and run["per_cpu_s"]:
            yield Number(
                group=f"origin, {run['what']} by {run['server']}",
                case=f"{run['connections']} connections",
                unit="per CPU s",
                values=(run["per_cpu_s"],),
                speed=PYTHON,
                higher=True,
            )


def _player(result: Result) -> Iterator[Number]:
    for run in result["runs"]:
        values = tuple(map(float, run["all_ms"]))
        yield Number(
            group=f"first picture, {run['player']}", case=f"from {run['from']}", unit="ms", values=values, speed=PYTHON
        )


def _startup(result: Result) -> Iterator[Number]:
    for run in result["runs"]:
        case = f"segments of {run['segment_s']} s, buffer of {run['buffer_s']} s, {run['network']}"
        for group, what, unit in (("first picture", "first_ms", "ms"), ("media loaded", "megabytes", "MB")):
            values = tuple(map(float, run["all"][what]))
            yield Number(group=f"{group} of a short clip", case=case, unit=unit, values=values)


def _overhead(result: Result) -> Iterator[Number]:
    for way in ("pipeline", "ffmpeg"):
        for what, unit in (("cpu_s", "CPU s"), ("wall_s", "wall s")):
            values = tuple(run[what] for run in result[way]["runs"])
            yield Number(group=f"{way}, {unit}", case=result["clip"]["name"], unit=unit, values=values, speed=X264)


def _workers(result: Result) -> Iterator[Number]:
    for count, found in result["wall_s"].items():
        yield Number(
            group="until all clips are ready",
            case=f"workers: {count}",
            unit="wall s",
            values=tuple(found["runs"]),
            speed=X264,
        )


def _fairness(result: Result) -> Iterator[Number]:
    for case, found in result["cases"].items():
        values = tuple(pair["loaded_s"] / pair["idle_s"] for pair in found["pairs"])
        yield Number(group="wait beside another's load", case=case, unit="times alone", values=values)


def _thumbnails(result: Result) -> Iterator[Number]:
    if ours := result.get("ways", {}).get("kadr"):
        hit = ours["hit_1"]["value"] * 100
        yield Number(group="poster, hit@1", case="planted", unit="%", values=(hit,), score=True, higher=True)
        cpu = ours["cpu_s_per_minute"]
        yield Number(group="poster, CPU", case="planted", unit="CPU s per minute", values=(cpu,), speed=X264)


def _subtitles(result: Result) -> Iterator[Number]:
    if "speed" in result:
        rate = result["systems"]["kadr"]["violations_per_100"]
        yield Number(group="captions", case="violations", unit="per 100 cues", values=(rate,), score=True)
        yield Number(
            group="captions", case="30,000 words", unit="CPU s", values=(result["speed"]["cpu_s"],), speed=PYTHON
        )


def _sitemap(result: Result) -> Iterator[Number]:
    made = 1000 * result["entries"]["cpu_s"] / result["titles"]
    yield Number(group="sitemap", case="an entry is made", unit="CPU ms", values=(made,), speed=PYTHON)
    for what in ("index", "part"):
        yield Number(
            group="sitemap", case=f"{what} is read", unit="CPU s", values=(result[what]["cpu_s"],), speed=PYTHON
        )


def _fuzz(result: Result) -> Iterator[Number]:
    yield Number(group="damaged files", case="faults", unit="", values=(float(len(result["faults"])),), score=True)


def _click_through(result: Result) -> Iterator[Number]:
    for name, world in result["worlds"].items():
        for way, found in world["ways"].items():
            value = found["reward_of_1000"]["value"]
            group = f"clicks (a simulation), {way}"
            yield Number(group=group, case=name, unit="of 1,000", values=(value,), higher=True, score=True)


_READERS: dict[str, Callable[[Result], Iterator[Number]]] = {
    "transcode": _transcode,
    "api": _api,
    "origin": _origin,
    "player": _player,
    "startup": _startup,
    "overhead": _overhead,
    "workers": _workers,
    "fairness": _fairness,
    "thumbnails": _thumbnails,
    "subtitles": _subtitles,
    "sitemap": _sitemap,
    "fuzz": _fuzz,
    "load": _load,
    "click_through": _click_through,
}


def of_parts(values: Sequence[dict[str, Any]]) -> list[tuple[Number, dict[str, Any]]]:
    """All numbers of all parts that did not fail, each with its part."""
    return [(number, value) for value in values if "result" in value for number in numbers(value["result"])]
