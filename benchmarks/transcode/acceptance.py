"""Results of clips -> how each effort stands against peer A, target by target. Pure.

In: the `clips` of the transcode benchmark's JSON. Out: JSON-ready checks. A ratio is judged by its median over the
clips, a score by every clip. A clip on which the effort failed, or shares no range of scores with A, is always named
among the misses; a failed encode fails its checks.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

BASE = "A"
SAME, ECONOMY, BALANCED, QUALITY = "same", "economy", "balanced", "quality"
EFFORTS = (ECONOMY, BALANCED, QUALITY)
WORST_BD_PERCENT = 2.0  # 1.02 x the bytes at equal quality

Found = dict[str, Any]  # one system's results on one clip


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One target. `value` is None where nothing could be measured; `misses` names the clips that miss it."""

    system: str
    what: str
    target: str
    value: float | None
    passed: bool
    misses: tuple[str, ...] = ()


def summarise(clips: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Medians for every system and the checks of ours. Clips on which A failed are left out."""
    judged = [clip for clip in clips if _ok(clip["systems"].get(BASE))]
    present = {name for clip in judged for name in clip["systems"]}
    checks = [check for check in _checks(judged) if check.system in present]
    return {"clips": len(judged), "medians": _medians(judged), "checks": [asdict(check) for check in checks]}


def _checks(clips: Sequence[dict[str, Any]]) -> list[Check]:
    return [
        _median(clips, SAME, "cpu ratio", _ratio("cpu"), 1.06),
        _median(clips, SAME, "wall ratio", _ratio("wall"), 1.05),
        _median(clips, ECONOMY, "cpu ratio", _ratio("cpu"), 0.55),
        _median(clips, ECONOMY, "bytes ratio", _ratio("bytes"), 0.80),
        _each(clips, ECONOMY, "top VMAF", ">= 93", lambda mine, _: 93 - mine),
        _median(clips, BALANCED, "cpu ratio", _ratio("cpu"), 0.80),
        _median(clips, BALANCED, "bytes ratio", _ratio("bytes"), 0.70),
        _each(clips, BALANCED, "top VMAF", ">= 94 or A - 1.5", lambda mine, a: min(94, a - 1.5) - mine),
        _median(clips, QUALITY, "BD-rate VMAF %", _bd("vmaf_mean"), -12.0),
        _median(clips, QUALITY, "BD-rate XPSNR %", _bd("xpsnr"), 0.0, strictly=True),
        _median(clips, QUALITY, "cpu ratio", _ratio("cpu"), 1.3),
        *(_no_loser(clips, effort) for effort in (SAME, *EFFORTS)),
    ]


def _median(
    clips: Sequence[dict[str, Any]],
    system: str,
    what: str,
    read: Callable[[Found], float | None],
    most: float,
    *,
    strictly: bool = False,
) -> Check:
    found = _values(clips, system, read)
    values = [value for _, value in found if value is not None]
    middle = statistics.median(values) if values else None
    passed = middle is not None and (middle < most if strictly else middle <= most) and not _failed(clips, system)
    misses = tuple(name for name, value in found if value is None or value > most)
    return Check(
        system=system,
        what=f"median {what}",
        target=f"{'<' if strictly else '<='} {most:g}",
        value=middle,
        passed=passed,
        misses=misses,
    )


def _each(
    clips: Sequence[dict[str, Any]], system: str, what: str, target: str, short: Callable[[float, float], float]
) -> Check:
    """Every clip must reach it; `short(ours, A's)` is how much is missing. The value is the worst clip's."""
    found = []
    for clip in clips:
        one = clip["systems"].get(system)
        if _ok(one) and one["top"] is not None:
            mine: float = one["top"]["vmaf_mean"]
            found.append((short(mine, clip["systems"][BASE]["top"]["vmaf_mean"]), mine, clip["clip"]["name"]))
        elif one is not None:
            found.append((float("inf"), 0.0, clip["clip"]["name"]))
    misses = tuple(name for lacking, _, name in found if lacking > 0)
    worst = max(found, default=None)
    return Check(
        system=system,
        what=f"{what} of every clip",
        target=target,
        value=worst[1] if worst else None,
        passed=bool(found) and not misses,
        misses=misses,
    )


def _no_loser(clips: Sequence[dict[str, Any]], system: str) -> Check:
    """No clip takes more than 1.02 x A's bytes at equal quality. The value is the worst clip's.

    Without a common range nothing is equal; then a better top rung in fewer bytes than A's whole ladder is no loss.
    """
    found = _values(clips, system, _bd("vmaf_mean"))
    better = {clip["clip"]["name"] for clip in clips if _beats(clip["systems"].get(system), clip["systems"][BASE])}
    misses = tuple(name for name, value in found if (name not in better if value is None else value > WORST_BD_PERCENT))
    values = [value for _, value in found if value is not None]
    return Check(
        system=system,
        what="BD-rate VMAF % of every clip",
        target=f"<= {WORST_BD_PERCENT:g}",
        value=max(values, default=None),
        passed=bool(found) and not misses,
        misses=misses,
    )


def _medians(clips: Sequence[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """system -> ratio or BD-rate -> median over the clips where it could be measured."""
    readers = {what: _ratio(what) for what in ("cpu", "wall", "bytes")} | {
        "bd_vmaf_percent": _bd("vmaf_mean"),
        "bd_xpsnr_percent": _bd("xpsnr"),
    }
    names = list(dict.fromkeys(name for clip in clips for name in clip["systems"]))
    medians: dict[str, dict[str, float]] = {}
    for name in names:
        found = [one for clip in clips if _ok(one := clip["systems"].get(name))]
        medians[name] = {}
        for what, read in readers.items():
            values = [value for one in found if (value := read(one)) is not None]
            if values:
                medians[name][what] = round(statistics.median(values), 3)
    return medians


def _values(
    clips: Sequence[dict[str, Any]], system: str, read: Callable[[Found], float | None]
) -> list[tuple[str, float | None]]:
    """(clip, value) of every clip this system was tried on."""
    return [
        (clip["clip"]["name"], read(one) if _ok(one) else None)
        for clip in clips
        if (one := clip["systems"].get(system)) is not None
    ]


def _beats(found: Found | None, base: Found) -> bool:
    if found is None or not _ok(found):
        return False
    return bool(found["ratio"]["bytes"] < 1 and found["top"]["vmaf_mean"] >= base["top"]["vmaf_mean"])


def _failed(clips: Sequence[dict[str, Any]], system: str) -> bool:
    return any(system in clip["systems"] and not _ok(clip["systems"][system]) for clip in clips)


def _ok(found: Found | None) -> bool:
    return found is not None and "error" not in found


def _ratio(what: str) -> Callable[[Found], float | None]:
    return lambda found: found["ratio"][what] if found.get("ratio") else None


def _bd(metric: str) -> Callable[[Found], float | None]:
    def read(found: Found) -> float | None:
        compared = (found.get("bd_rate") or {}).get(metric)
        return compared["percent"] if compared else None

    return read


def table(summary: dict[str, Any]) -> str:
    """The checks and medians for people."""
    lines = [f"{summary['clips']} clips against A, medians"]
    for name, found in summary["medians"].items():
        lines.append(f"  {name:<10} " + "  ".join(f"{what} {value:.3f}" for what, value in found.items()))
    for check in summary["checks"]:
        value = "nothing measured" if check["value"] is None else f"{check['value']:.3f}"
        missed = f"  misses: {', '.join(check['misses'])}" if check["misses"] else ""
        verdict = "pass" if check["passed"] else "MISS"
        lines.append(f"{verdict}  {check['system']:<9} {check['what']:<30} {check['target']:<16} {value}{missed}")
    return "\n".join(lines)
