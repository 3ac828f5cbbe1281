"""What was measured of this installation -> inputs of the model, each with what it was measured of. Pure.

In: sums by profile, effort, codec and class of source. Out: `Value`s by input name. What nothing was measured of is
left out, and keeps its scenario's value or its default. Viewers are not measured at all: nothing counts them yet. What
they load is, once the logs of CDNs are imported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from core.db.costs import Measured, WorkRow
from cost.bill import MONTH_DAYS
from cost.inputs import CLIP_BUFFER_S, DELIVERED, ECONOMY, OF_KIND, SHORT_S, Origin, Value
from presets.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassCost:
    """CPU seconds and MB per minute of titles of one profile, effort, codec and class of source, such as 720p30.

    None where no CPU time was counted.
    """

    profile: str
    effort: str
    codec: str
    source: str
    titles: int
    minutes: float
    encode_cpu_s: float | None
    pictures_cpu_s: float | None
    captions_cpu_s: float | None
    ladder_mb: float
    source_mb: float


def measured_values(scenario: Scenario, found: Measured) -> dict[str, Value]:
    """Inputs of each kind: from titles of its profile, or from all where it names none.

    The catalogue is that of a scenario with one kind: which titles are of which of several is not known.
    """
    values: dict[str, Value] = {}
    for name, kind in scenario.kinds.items():
        rows = [row for row in found.work if kind.profile in ("", row.profile)]
        values |= {f"{name}.{key}": value for key, value in _of_rows(rows).items()}
        if not kind.profile and len(scenario.kinds) == 1 and found.titles:
            values |= {f"{name}.{key}": value for key, value in _catalogue(found).items()}
    return values


def delivered_value(found: Measured) -> Value | None:
    """GB that CDNs deliver in a month, by the days of which their logs are imported; None without any."""
    if not found.delivered_days:
        return None
    gb = found.delivered_bytes / 1e9 / found.delivered_days * MONTH_DAYS
    facts = {"gb": gb, "days": found.delivered_days}
    return Value(value=gb, origin=Origin.MEASURED, note=DELIVERED, facts=facts)


def class_costs(found: Measured) -> list[ClassCost]:
    """Every class by itself, the one with most minutes first."""
    return [
        ClassCost(
            profile=row.profile,
            effort=row.effort,
            codec=row.codec,
            source=source_class(row.short_side, row.frame_rate),
            titles=row.titles,
            minutes=row.minutes,
            encode_cpu_s=_per(row.encode_cpu_s, row.measured_min),
            pictures_cpu_s=_per(row.pictures_cpu_s, row.measured_min),
            captions_cpu_s=_per(row.captions_cpu_s, row.measured_min),
            ladder_mb=row.ladder_bytes / 1e6 / row.minutes,
            source_mb=row.source_bytes / 1e6 / row.minutes,
        )
        for row in found.work
    ]


def source_class(short_side: int | None, frame_rate: str | None) -> str:
    """720, "30000/1001" -> "720p30"; "audio" without video."""
    if short_side is None or frame_rate is None:
        return "audio"
    return f"{short_side}p{round(Fraction(frame_rate))}"


def _of_rows(rows: Sequence[WorkRow]) -> dict[str, Value]:
    minutes, measured_min = sum(row.minutes for row in rows), sum(row.measured_min for row in rows)
    titles = sum(row.titles for row in rows)
    economy_min = sum(row.measured_min for row in rows if row.effort == ECONOMY)
    economy = economy_min / measured_min if measured_min else 0.0
    of_all, of_measured = ("titles", minutes), ("measured_titles", measured_min)

    def mean(part: Callable[[WorkRow], float], over: float, of: tuple[str, float]) -> Value | None:
        note, of_min = of
        facts = {"titles": titles, "minutes": of_min, ECONOMY: economy}
        return (
            Value(value=sum(map(part, rows)) / over, origin=Origin.MEASURED, note=note, facts=facts) if over else None
        )

    found = {
        "encode_cpu_s": mean(lambda row: row.encode_cpu_s, measured_min, of_measured),
        "pictures_cpu_s": mean(lambda row: row.pictures_cpu_s, measured_min, of_measured),
        "captions_cpu_s": mean(lambda row: row.captions_cpu_s, measured_min, of_measured),
        "ladder_mb": mean(lambda row: row.ladder_bytes / 1e6, minutes, of_all),
        "pictures_mb": mean(lambda row: row.pictures_bytes / 1e6, titles, of_all),
        "source_mb": mean(lambda row: row.source_bytes / 1e6, minutes, of_all),
        "renditions": mean(lambda row: row.rendition_min, minutes, of_all),
    }
    return {name: value for name, value in found.items() if value is not None}


def _catalogue(found: Measured) -> dict[str, Value]:
    looked_at, minutes = sum(row.titles for row in found.work), sum(row.minutes for row in found.work)
    values = {
        "items": Value(value=found.titles, origin=Origin.MEASURED, note="ready"),
        "new_share": Value(value=found.new_titles / found.titles, origin=Origin.MEASURED, note="new"),
    }
    if looked_at and minutes:
        title_s, facts = minutes * 60 / looked_at, {"titles": looked_at}
        buffer_s = CLIP_BUFFER_S if title_s <= SHORT_S else OF_KIND["buffer_s"].default
        values["title_s"] = Value(value=title_s, origin=Origin.MEASURED, note="mean", facts=facts)
        values["buffer_s"] = Value(value=buffer_s, origin=Origin.MEASURED, note="player")
    return values


def _per(sum_s: float, minutes: float) -> float | None:
    return sum_s / minutes if minutes else None
