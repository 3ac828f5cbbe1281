"""Plays planted videos to all pickers and compares what they choose with the truth.

In: planned videos, and ours and the baselines as one kind of thing. Out: `Judged` per video, then a summary of rates
with intervals and of costs. Videos are made once and kept under a name that changes with the generator's code.
Refuses a chosen time that no frame of the video has.
"""

import hashlib
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from benchmarks.harness.metered import Cost
from benchmarks.harness.rates import Rate, wilson
from benchmarks.posters import material, planted, planted_film, planted_scene, planted_things
from benchmarks.posters.pickers import Clip, Picked
from benchmarks.posters.planted import Verdict, Video
from core.errors import KadrError

OURS = "kadr"
RANDOM = "random"  # expected, not drawn
FIVE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What one way chose in one video: times, the verdicts on them (best first) and the cost. Nothing: no choice."""

    times_s: tuple[Fraction, ...]
    verdicts: tuple[Verdict, ...]
    cost: Cost


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One video. The shares are of all its frames."""

    seed: int
    seconds: float
    good_share: float
    defect_share: float
    chosen: dict[str, Chosen]


def library(
    video: Video, folder: Path, binary: str, source: planted_film.Material | None = None, mark: str = ""
) -> Clip:
    """The video's file in `folder`, made if it is not there. `mark` tells one material from another."""
    path = folder / f"{video.seed}-{_digest(video)}{mark}.mp4"
    if not path.exists():
        planted_film.make(video, path, binary, source)
    return Clip(path=path, duration_s=Fraction(video.frames, video.frame_rate), frames=video.frames)


def _digest(video: Video) -> str:
    code = b"".join(
        Path(module.__file__).read_bytes()
        for module in (planted, planted_scene, planted_things, planted_film, material)
        if module.__file__
    )
    return hashlib.sha256(code + repr(video).encode()).hexdigest()[:12]


def _chosen(video: Video, truth: Sequence[Verdict], picked: Picked) -> Chosen:
    verdicts = []
    for time_s in picked.times_s:
        number = time_s * video.frame_rate
        if abs(number - round(number)) > Fraction(1, 20) or not 0 <= round(number) < len(truth):
            raise KadrError(f"seed {video.seed}: {float(time_s):.4f} s is the time of no frame")
        verdicts.append(truth[round(number)])
    return Chosen(times_s=picked.times_s, verdicts=tuple(verdicts), cost=picked.cost)


def judged(video: Video, picked: dict[str, Picked]) -> Judged:
    """Judge the choices of all pickers for one video. Raises KadrError for a time that no frame has."""
    truth = planted.truth(video)
    return Judged(
        seed=video.seed,
        seconds=video.frames / video.frame_rate,
        good_share=sum(one.good for one in truth) / len(truth),
        defect_share=sum(one.defect for one in truth) / len(truth),
        chosen={name: _chosen(video, truth, one) for name, one in picked.items()},
    )


def summary(videos: Sequence[Judged]) -> dict[str, Any]:
    """Rates and costs of each way, what the goals say of ours, and every video of which ours missed the best."""
    names = list(dict.fromkeys(name for video in videos for name in video.chosen))
    rates = {name: _rates(name, videos) for name in names}
    rates[RANDOM] = {
        "hit_1": wilson(sum(video.good_share for video in videos), len(videos)),
        "defect_1": wilson(sum(video.defect_share for video in videos), len(videos)),
        "hit_5": wilson(sum(1 - (1 - video.good_share) ** FIVE for video in videos), len(videos)),
    }
    result: dict[str, Any] = {"videos": len(videos), "seconds": round(sum(video.seconds for video in videos), 1)}
    result["ways"] = {
        name: {
            **{what: asdict(rate) for what, rate in found.items()},
            **(_costs(name, videos) if name != RANDOM else {}),
        }
        for name, found in rates.items()
    }
    if OURS in rates:
        result["goals"] = _goals(rates)
        result["missed"] = [_missed(video) for video in videos if not _hit(video.chosen[OURS], 1)]
    return result


def _hit(found: Chosen, among: int) -> bool:
    return any(verdict.good for verdict in found.verdicts[:among])


def _rates(name: str, videos: Sequence[Judged]) -> dict[str, Rate]:
    found = [video.chosen[name] for video in videos if name in video.chosen]
    rates = {
        "hit_1": wilson(sum(_hit(one, 1) for one in found), len(found)),
        # A video left without a picture is no better off than one with a bad picture.
        "defect_1": wilson(sum(not one.verdicts or one.verdicts[0].defect for one in found), len(found)),
    }
    if any(len(one.verdicts) > 1 for one in found):
        rates["hit_5"] = wilson(sum(_hit(one, FIVE) for one in found), len(found))
    return rates


def _costs(name: str, videos: Sequence[Judged]) -> dict[str, Any]:
    found = [(video.chosen[name], video.seconds) for video in videos if name in video.chosen]
    minutes = sum(seconds for _, seconds in found) / 60
    kinds = Counter(one.verdicts[0].kind.value for one, _ in found if one.verdicts and one.verdicts[0].defect)
    kinds["none"] = sum(not one.verdicts for one, _ in found)
    return {
        "defects": {kind: count for kind, count in sorted(kinds.items()) if count},
        "cpu_s_per_minute": round(sum(one.cost.cpu_s for one, _ in found) / minutes, 3),
        "wall_s_per_minute": round(sum(one.cost.wall_s for one, _ in found) / minutes, 3),
        "cpu_s_median": round(statistics.median(one.cost.cpu_s for one, _ in found), 3),
        "peak_rss_bytes": max(one.cost.peak_rss_bytes for one, _ in found),
    }


def _goals(rates: dict[str, dict[str, Rate]]) -> dict[str, bool]:
    """Issue 6: at least 90 % hits, at most 1 % defects, and no baseline's interval reaches ours."""
    ours = rates[OURS]
    others = [found for name, found in rates.items() if name != OURS]
    return {
        "hit_1_at_least_90_percent": ours["hit_1"].value >= 0.9,
        "defect_1_at_most_1_percent": ours["defect_1"].value <= 0.01,
        "hit_1_ahead_of_all": all(ours["hit_1"].low > other["hit_1"].high for other in others),
        "defect_1_below_all": all(ours["defect_1"].high < other["defect_1"].low for other in others),
    }


def _missed(video: Judged) -> dict[str, Any]:
    found = video.chosen[OURS]
    return {
        "seed": video.seed,
        "times_s": [round(float(time_s), 3) for time_s in found.times_s],
        "kinds": [verdict.kind.value for verdict in found.verdicts],
    }
