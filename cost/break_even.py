"""From how many views on another codec pays for a title. Pure.

Per minute of title, over its remaining life: what encoding and storing it costs more, over what one full view by the
viewers who can play it saves of egress, at the price of the last GB.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from cost.bill import quantities_of
from cost.inputs import Inputs
from cost.popularity import bins, head

LADDER = 2.2  # CPU of a whole ladder over that of its 720p rung, decoded once


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """A codec at an effort: CPU seconds per minute of one 720p rung, and its ladder's bytes over those of H.264."""

    codec: str
    cpu_s: float
    ladder_ratio: float


# CPU: one 720p rung, measured. Ladders: of the same titles at the same quality (AV1 quality keeps fewer rungs).
RIVALS: Mapping[str, Rival] = {
    "AV1 economy": Rival(codec="av1", cpu_s=53, ladder_ratio=0.65),
    "AV1 balanced": Rival(codec="av1", cpu_s=113, ladder_ratio=0.65),
    "AV1 quality": Rival(codec="av1", cpu_s=136.4, ladder_ratio=0.564),
    "HEVC balanced": Rival(codec="hevc", cpu_s=110, ladder_ratio=0.86),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """Full views from which a codec pays for a title; `encoding_alone`: were storing it free. Infinite: never.

    `titles` of one kind have as many views within a month, and `share` of the kind's views.
    """

    codec: str
    kind: str
    views: float
    encoding_alone: float
    titles: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a codec costs and saves: the price of one more CPU hour, GB stored for a month, and GB delivered."""

    core_hour: float
    gb_month: float
    gb: float


def full_views(
    rival: Rival, inputs: Inputs, prices: Prices, *, rate_mbps: float, ladder_mb: float
) -> tuple[float, float]:
    """Full views from which a codec pays for a title, and were storing it free. Infinite where nothing is saved."""
    encode = encode_per_min(rival, prices)
    store = ladder_mb * rival.ladder_ratio / 1000 * prices.gb_month * inputs["life_months"]
    saved = rate_mbps * 60 / 8 / 1000 * saving(rival, inputs) * prices.gb
    return ((encode + store) / saved, encode / saved) if saved > 0 else (math.inf, math.inf)


def encode_per_min(rival: Rival, prices: Prices) -> float:
    """What one minute of a title costs to encode in this codec, the whole ladder."""
    return rival.cpu_s * LADDER / 3600 * prices.core_hour


def saving(rival: Rival, inputs: Inputs) -> float:
    """The share of all bytes of a title that the codec takes off."""
    return inputs[f"{rival.codec}_saving"] * inputs[f"{rival.codec}_devices"]


def break_evens(inputs: Inputs, prices: Prices) -> list[BreakEven]:
    """Every codec for every kind of title, the cheapest codec first."""
    return [_of(name, rival, kind, inputs, prices) for name, rival in RIVALS.items() for kind in inputs.kinds]


def _of(name: str, rival: Rival, kind: str, inputs: Inputs, prices: Prices) -> BreakEven:
    own = inputs.kind(kind)
    work = quantities_of(own, inputs)
    views, alone = full_views(rival, inputs, prices, rate_mbps=own.rate_mbps, ladder_mb=own.ladder_mb)
    ranked = bins(work.titles, own.zipf)
    delivered = work.delivered_min / work.stock_min if work.stock_min else 0.0  # full views of an average title
    titles, share = head(ranked, own.zipf, delivered * work.titles, views) if math.isfinite(views) else (0.0, 0.0)
    return BreakEven(codec=name, kind=kind, views=views, encoding_alone=alone, titles=titles, share=share)
