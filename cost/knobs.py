"""What can be turned, what each turn brings in money and does to picture and startup; and the sensitivity. Pure.

Effects on VMAF and startup are measured ones, with their source, or none: then it says `not measured`.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial

from cost.bill import bill, quantities, quantities_of
from cost.break_even import RIVALS, Prices, break_evens, encode_per_min, saving
from cost.inputs import CLIP_BUFFER_S, ECONOMY, SHORT_S, Inputs, definition
from cost.tiers import marginal, next_of, serves
from presets.price_book import Price, PriceBook
from presets.scenario import Stack

CLIP_SEGMENT_S = 4
SOURCE_DAYS = 90
FIXED = "fixed"  # of a stack, beside the inputs
# Economy and quality against balanced, medians of seven clips: docs/benchmarks.md, "transcode", columns CPU and VMAF.
ECONOMY_CPU = 0.46 / 0.69
ECONOMY_VMAF = -0.7
# Seconds later that a clip's first picture comes with segments of 4 s: docs/benchmarks.md, "startup", 10 Mbit/s.
SEGMENT_STARTUP_S = 0.3
TRANSCODE, STARTUP = "docs/benchmarks.md, transcode", "docs/benchmarks.md, startup"


class Effect(StrEnum):
    """What a turn does to something that was not measured as a number."""

    UNCHANGED = "unchanged"  # the bytes that a viewer gets are the same
    NOT_MEASURED = "not_measured"
    EQUAL = "equal"  # by definition: bytes are compared at equal VMAF


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What is billed: inputs on a stack at prices."""

    inputs: Inputs
    stack: Stack
    book: PriceBook

    @property
    def total(self) -> float:
        return bill(self.inputs, self.stack, self.book).total

    @property
    def marginal_gb(self) -> float:
        """What the last GB delivered costs."""
        cdn, gb = self.book.the_cdn(self.stack.cdn), quantities(self.inputs).egress_gb
        return marginal(cdn, self.stack.regions, gb)

    @property
    def prices(self) -> Prices:
        """Those that decide on another codec."""
        storage, work = self.book.the_storage(self.stack.storage), quantities(self.inputs)
        return Prices(
            core_hour=next_of(self.book.core_hour, work.new_h),
            gb_month=next_of(storage.store, work.stored_gb),
            gb=self.marginal_gb,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Knob:
    """One turn. `change`: of the monthly bill, negative where it saves. `what`: filled into the knob's words.

    `how`: the setting to turn. `vmaf` and `startup` (in s) are measured differences or an Effect; `source` names the
    measurement.
    """

    name: str
    how: str
    what: dict[str, str]
    change: float
    vmaf: float | Effect
    startup: float | Effect
    source: str = ""


def knobs(case: Case) -> list[Knob]:
    """Every knob here: those that save, the most first; then what is best left alone, the dearest first."""
    turned = (make(case) for make in (_cdn, _storage, _buffer, _segment, _sources, _effort, _av1))
    found = [knob for knob in turned if knob is not None and math.isfinite(knob.change) and abs(knob.change) >= 0.005]
    return sorted(found, key=lambda knob: (knob.change > 0, -abs(knob.change)))


def _cdn(case: Case) -> Knob | None:
    """The cheapest other CDN; the dearest one, as a warning, where this one is the cheapest."""
    others = [
        (replace(case, stack=case.stack.model_copy(update={"cdn": key})), cdn.name)
        for key, cdn in case.book.cdn.items()
        if key != case.stack.cdn and serves(cdn, case.stack.regions)
    ]
    return _instead("cdn", "KADR_CDNS", case, others, case.book.the_cdn(case.stack.cdn).name)


def _storage(case: Case) -> Knob | None:
    """The cheapest other storage; the dearest where this one is the cheapest."""
    # That of a platform is sold with it alone.
    bound = {vendor.storage for vendor in case.book.vendors.values() if vendor.name.startswith("Bunny")}
    others = [
        (replace(case, stack=case.stack.model_copy(update={"storage": key})), storage.name)
        for key, storage in case.book.storage.items()
        if key != case.stack.storage and key not in bound
    ]
    return _instead("storage", "KADR_S3_URL", case, others, case.book.the_storage(case.stack.storage).name)


def _instead(name: str, how: str, case: Case, others: list[tuple[Case, str]], now: str) -> Knob | None:
    changes = sorted((other.total - case.total, to) for other, to in others)
    changes = [one for one in changes if math.isfinite(one[0])]
    if not changes:
        return None
    change, to = changes[0] if changes[0][0] < 0 else changes[-1]
    return Knob(
        name=name if change < 0 else f"{name}_keep",
        how=how,
        what={"now": now, "to": to},
        change=change,
        vmaf=Effect.UNCHANGED,
        startup=Effect.NOT_MEASURED,
    )


def _buffer(case: Case) -> Knob | None:
    changes = _where(case, "buffer_s", CLIP_BUFFER_S, lambda now, title_s: title_s <= SHORT_S and now > CLIP_BUFFER_S)
    what = {"s": f"{CLIP_BUFFER_S}", "now": _range(case, changes)}
    how, unchanged = f'<kadr-player buffer="{CLIP_BUFFER_S}">', Effect.UNCHANGED
    return _turned(case, "buffer", how, changes, what, vmaf=Effect.NOT_MEASURED, startup=unchanged, source=STARTUP)


def _segment(case: Case) -> Knob | None:
    changes = _where(case, "segment_s", CLIP_SEGMENT_S, lambda now, _: now < CLIP_SEGMENT_S)
    what = {"s": f"{CLIP_SEGMENT_S}", "now": _range(case, changes)}
    how = "gops_per_segment in KADR_PRESETS/profiles.yaml"
    return _turned(case, "segment", how, changes, what, startup=SEGMENT_STARTUP_S, source=STARTUP)


def _sources(case: Case) -> Knob | None:
    changes = _where(case, "source_days", SOURCE_DAYS, lambda now, _: now > SOURCE_DAYS)
    how, what = f"KADR_SOURCE_RETENTION_S={SOURCE_DAYS * 86_400}", {"days": f"{SOURCE_DAYS}"}
    return _turned(case, "sources", how, changes, what, startup=Effect.UNCHANGED)


def _effort(case: Case) -> Knob | None:
    changes = {}
    for name in (f"{kind}.encode_cpu_s" for kind in case.inputs.kinds):
        value = case.inputs.values[name]
        # What is made with economy already stays as it is.
        now = 1 - value.facts.get(ECONOMY, 0.0) * (1 - ECONOMY_CPU)
        changes[name] = value.value * ECONOMY_CPU / now
    how = "effort: economy, of an upload"
    return _turned(case, "effort", how, changes, {}, vmaf=ECONOMY_VMAF, source=TRANSCODE)


def _turned(
    case: Case,
    name: str,
    how: str,
    changes: dict[str, float],
    what: dict[str, str],
    *,
    vmaf: float | Effect = Effect.UNCHANGED,
    startup: float | Effect = Effect.NOT_MEASURED,
    source: str = "",
) -> Knob | None:
    """The knob that changes these inputs; None where there are none to change."""
    if not changes:
        return None
    change = replace(case, inputs=case.inputs.having(changes)).total - case.total
    return Knob(name=name, how=how, what=what, change=change, vmaf=vmaf, startup=startup, source=source)


def _av1(case: Case) -> Knob | None:
    """AV1 economy for the titles that have enough views within a month: their compute and storage, less egress."""
    rival, prices, change, titles = RIVALS["AV1 economy"], case.prices, 0.0, 0.0
    for one in break_evens(case.inputs, prices):
        if one.codec != "AV1 economy" or not one.titles:
            continue
        own = case.inputs.kind(one.kind)
        work = quantities_of(own, case.inputs)
        minutes = one.titles * own.title_s / 60
        change += minutes * (
            encode_per_min(rival, prices) + own.ladder_mb * rival.ladder_ratio / 1000 * prices.gb_month
        )
        change -= work.egress_gb * one.share * saving(rival, case.inputs) * prices.gb
        titles += one.titles
    if not titles:
        return None
    return Knob(
        name="av1",
        how="codec: av1, effort: economy, of a reprocess",
        what={"titles": f"{titles:,.0f}"},
        change=change,
        vmaf=Effect.EQUAL,
        startup=Effect.NOT_MEASURED,
    )


def _where(case: Case, name: str, to: float, wanted: Callable[[float, float], bool]) -> dict[str, float]:
    """{KIND.name: to} of the kinds for which `wanted(value now, seconds of a title)` holds."""
    return {
        f"{kind}.{name}": to
        for kind in case.inputs.kinds
        if wanted(case.inputs[f"{kind}.{name}"], case.inputs[f"{kind}.title_s"])
    }


def _range(case: Case, changes: dict[str, float]) -> str:
    return ", ".join(sorted({f"{case.inputs[name]:g}" for name in changes}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Swing:
    """What one input does to the bill: the total with half of it, and with twice as much."""

    name: str
    half: float
    double: float

    @property
    def spread(self) -> float:
        return abs(self.double - self.half)


def tornado(case: Case) -> list[Swing]:
    """Every input and price halved and doubled, as far as it goes; the one that moves the bill most first.

    `price.` is before the names of prices. Inputs that do not move the bill are left out.
    """
    swings = [Swing(name=name, half=at(0.5).total, double=at(2.0).total) for name, at in _varied(case)]
    return sorted((one for one in swings if one.spread >= 0.005), key=lambda one: -one.spread)


def _varied(case: Case) -> Iterator[tuple[str, Callable[[float], Case]]]:
    """Every input and price by name, with the case in which it is so many times as large."""
    for name, value in case.inputs.values.items():
        if value.value and not math.isinf(value.value):
            yield name, partial(_input_times, case, name)
    stack, book = case.stack, case.book
    yield FIXED, lambda factor: replace(case, stack=stack.model_copy(update={FIXED: stack.fixed * factor}))
    yield (
        "price.core_hour",
        lambda factor: replace(case, book=book.model_copy(update={"core_hour": times(book.core_hour, factor)})),
    )
    yield "price.storage", lambda factor: replace(case, book=_storage_times(book, stack.storage, factor))
    yield "price.cdn", lambda factor: replace(case, book=_cdn_times(book, stack.cdn, factor))


def _input_times(case: Case, name: str, factor: float) -> Case:
    known = definition(name)
    value = max(known.least, min(known.most, case.inputs[name] * factor))
    return replace(case, inputs=case.inputs.having({name: value}))


def times(price: Price, factor: float) -> Price:
    """The price, or each of its tiers, by a factor."""
    if price.price is not None:
        return price.model_copy(update={"price": price.price * factor})
    tiers = tuple(tier.model_copy(update={"price": tier.price * factor}) for tier in price.tiers)
    return price.model_copy(update={"tiers": tiers})


def _storage_times(book: PriceBook, key: str, factor: float) -> PriceBook:
    storage = book.the_storage(key)
    other = storage.model_copy(update={"store": times(storage.store, factor)})
    return book.model_copy(update={"storage": {**book.storage, key: other}})


def _cdn_times(book: PriceBook, key: str, factor: float) -> PriceBook:
    cdn = book.the_cdn(key)
    deliver = {region: times(price, factor) for region, price in cdn.deliver.items()}
    plans = cdn.plans and cdn.plans.model_copy(
        update={"plans": tuple(one.model_copy(update={"price": one.price * factor}) for one in cdn.plans.plans)}
    )
    other = cdn.model_copy(update={"deliver": deliver, "plans": plans})
    return book.model_copy(update={"cdn": {**book.cdn, key: other}})
