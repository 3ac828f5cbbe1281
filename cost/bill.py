"""The bill of a month: quantities of the work, and what they cost on one stack. Pure.

In: inputs, a stack, a price book. Out: `Quantities` and `Bill`, in the book's currency; GB are 10^9 bytes.
"""

import math
from dataclasses import dataclass, fields

from cost.inputs import Inputs, KindInputs
from cost.popularity import Demand, bins, hit_ratio
from cost.tiers import delivery, price_of
from presets.price_book import PriceBook
from presets.scenario import Stack

MONTH_DAYS = 30
STREAMS = 2  # sound is a rendition of its own: each stretch of time is two requests


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """Of a month, and of what is stored."""

    titles: float = 0.0
    stock_min: float = 0.0
    new_min: float = 0.0
    starts: float = 0.0
    watched_min: float = 0.0
    delivered_min: float = 0.0
    egress_gb: float = 0.0
    segment_requests: float = 0.0
    requests: float = 0.0
    ladder_gb: float = 0.0
    pictures_gb: float = 0.0
    source_gb: float = 0.0
    puts: float = 0.0
    encode_h: float = 0.0  # CPU hours of what is new
    pictures_h: float = 0.0
    captions_h: float = 0.0
    stock_h: float = 0.0  # CPU hours of the whole catalogue, once

    @property
    def stored_gb(self) -> float:
        return self.ladder_gb + self.pictures_gb + self.source_gb

    @property
    def new_h(self) -> float:
        return self.encode_h + self.pictures_h + self.captions_h

    def __add__(self, other: "Quantities") -> "Quantities":
        return Quantities(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What a month costs, line by line; `once` is the back catalogue, which is encoded before the first month."""

    encode: float
    pictures: float
    captions: float
    store: float
    deliver: float
    requests: float
    fixed: float
    once: float
    hit: float  # share of segment requests that do not reach storage

    @property
    def lines(self) -> dict[str, float]:
        """The lines that make the total."""
        names = ("encode", "pictures", "captions", "store", "deliver", "requests", "fixed")
        return {name: getattr(self, name) for name in names}

    @property
    def total(self) -> float:
        return sum(self.lines.values())


def quantities_of(kind: KindInputs, inputs: Inputs) -> Quantities:
    """What titles of one kind are, and what is done with them in a month."""
    titles = kind.items * kind.share
    stock_min = titles * kind.title_s / 60
    new_min = stock_min * kind.new_share
    starts = kind.viewers * kind.starts
    watched_s = min(kind.title_s, kind.watched_s)
    segment_requests = kind.delivered_s / kind.segment_s * STREAMS
    for_ever = math.isinf(kind.source_days)
    kept_min = stock_min if for_ever else min(stock_min, new_min * kind.source_days / MONTH_DAYS)
    cpu_s = kind.encode_cpu_s + kind.pictures_cpu_s + kind.captions_cpu_s
    per_hour = (1 + inputs["retry"]) / 3600
    return Quantities(
        titles=titles,
        stock_min=stock_min,
        new_min=new_min,
        starts=starts,
        watched_min=starts * watched_s / 60,
        delivered_min=kind.delivered_s / 60,
        egress_gb=kind.egress_gb,
        segment_requests=segment_requests,
        requests=segment_requests + starts * inputs["startup_requests"],
        ladder_gb=stock_min * kind.ladder_mb / 1000,
        pictures_gb=titles * kind.pictures_mb / 1000,
        source_gb=kept_min * kind.source_mb / 1000,
        puts=new_min * 60 / kind.segment_s * kind.renditions,
        encode_h=new_min * kind.encode_cpu_s * per_hour,
        pictures_h=new_min * kind.pictures_cpu_s * per_hour,
        captions_h=new_min * kind.captions_cpu_s * per_hour,
        stock_h=stock_min * cpu_s * per_hour,
    )


def quantities(inputs: Inputs) -> Quantities:
    """Of all kinds together."""
    return sum((quantities_of(inputs.kind(kind), inputs) for kind in inputs.kinds), Quantities())


def hits(inputs: Inputs) -> float:
    """The share of segment requests that caches answer, from how views fall on titles."""
    demands = []
    for name in inputs.kinds:
        kind = inputs.kind(name)
        titles = kind.items * kind.share
        demands.append(
            Demand(
                bins=bins(titles, kind.zipf),
                title_gb=kind.title_s * kind.rate_mbps / 8 / 1000,
                views_per_day=kind.viewers * kind.starts / MONTH_DAYS if titles >= 1 else 0.0,
            )
        )
    return hit_ratio(demands, inputs["cache_gb"], inputs["cache_days"])


def bill(inputs: Inputs, stack: Stack, book: PriceBook) -> Bill:
    """What a month costs on a stack. Raises ConfigError for names that the price book does not have."""
    work, cdn, storage = quantities(inputs), book.the_cdn(stack.cdn), book.the_storage(stack.storage)
    hit = hits(inputs)
    missed = 1 - hit
    deliver, requests = delivery(cdn, stack.regions, work.egress_gb, work.requests)
    if stack.cdn not in storage.free_to:
        deliver += price_of(storage.egress, work.egress_gb * missed - storage.free_times * work.stored_gb)

    def compute(hours: float) -> float:
        return price_of(book.core_hour, hours)

    return Bill(
        encode=compute(work.encode_h),
        pictures=compute(work.pictures_h),
        captions=compute(work.captions_h),
        store=price_of(storage.store, work.stored_gb),
        deliver=deliver,
        requests=requests + price_of(storage.get, work.segment_requests * missed) + price_of(storage.put, work.puts),
        fixed=stack.fixed,
        once=compute(work.stock_h),
        hit=hit,
    )
