"""The efforts beside each other over all clips that were encoded: what each takes and gives. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from benchmarks.transcode.acceptance import BALANCED, BASE, EFFORTS

GB, HOUR_S, VIEWS = 1e9, 3600, 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Effort:
    """Medians over the clips: CPU seconds and bytes per minute of source, VMAF of the top rung, BD-rate against A."""

    name: str
    clips: int
    cpu_s: float
    bytes: float
    vmaf: float
    bd_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From the default effort to another: ratios, and points of VMAF, all as medians over the clips."""

    name: str
    clips: int  # that both have encoded
    cpu: float
    bytes: float
    vmaf: float
    gb_per_cpu_hour: float | None  # traffic saved per CPU hour more, if every title is watched in full VIEWS times


def clips_of(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The clips of all parts of the transcode benchmark that did not fail."""
    return [
        clip
        for part in parts
        if part["benchmark"] == "transcode" and "result" in part
        for clip in part["result"].get("clips", ())
    ]


def efforts(clips: Sequence[dict[str, Any]]) -> list[Effort]:
    """Ours, and A, which everything is compared with."""
    found = []
    for name in (*EFFORTS, BASE):
        seen = [one for clip in clips if (one := clip["systems"].get(name)) and "error" not in one]
        if not seen:
            continue
        bd = [rate["percent"] for one in seen if (rate := (one.get("bd_rate") or {}).get("vmaf_mean"))]
        found.append(
            Effort(
                name=name,
                clips=len(seen),
                cpu_s=median(one["per_minute"]["cpu_s"] for one in seen),
                bytes=median(one["per_minute"]["bytes"] for one in seen),
                vmaf=median(one["top"]["vmaf_mean"] for one in seen),
                bd_percent=median(bd) if bd else None,
            )
        )
    return found


def steps(clips: Sequence[dict[str, Any]]) -> list[Step]:
    """Away from `balanced`, which is the default. Bytes are those of the top rung: what most viewers are sent."""
    found = []
    for name in EFFORTS:
        pairs = [
            (clip["systems"][BALANCED], clip["systems"][name])
            for clip in clips
            if all("top" in clip["systems"].get(one, {}) for one in (BALANCED, name))
        ]
        if name == BALANCED or not pairs:
            continue
        # Per minute of video: CPU once, traffic with every view.
        more_cpu_s = median(new["per_minute"]["cpu_s"] - old["per_minute"]["cpu_s"] for old, new in pairs)
        saved = median((old["top"]["average_bps"] - new["top"]["average_bps"]) * 60 / 8 for old, new in pairs)
        worth = VIEWS * saved / GB / (more_cpu_s / HOUR_S) if more_cpu_s else None
        found.append(
            Step(
                name=name,
                clips=len(pairs),
                cpu=median(new["per_minute"]["cpu_s"] / old["per_minute"]["cpu_s"] for old, new in pairs),
                bytes=median(new["top"]["average_bps"] / old["top"]["average_bps"] for old, new in pairs),
                vmaf=median(new["top"]["vmaf_mean"] - old["top"]["vmaf_mean"] for old, new in pairs),
                gb_per_cpu_hour=worth,
            )
        )
    return found
