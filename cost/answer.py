"""Everything that `kadr cost` and the studio's page say, as one value. Pure."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from enum import Enum
from typing import Any

from cost.bill import Bill, Quantities, bill, quantities
from cost.break_even import BreakEven, break_evens
from cost.inputs import Inputs, Value, definition, inputs_of
from cost.knobs import Case, Knob, Swing, knobs, tornado
from cost.peers import PeerBill, peers
from cost.tiers import plan_for, priced_regions
from presets.price_book import Grade, Price, PriceBook
from presets.scenario import BASE, Scenario, Stack

MOST_VIEWERS = 10_000  # times those of the scenario; a budget that is enough for more is never reached


@dataclass(frozen=True, slots=True, kw_only=True)
class UsedPrice:
    """A price that the bill depends on, as its book says it. `amount`: of a unit, or of the first tier and the last."""

    of: str
    amount: str
    unit: str
    region: str
    grade: Grade
    date: str
    source: str
    verify: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a scenario costs a month, why, and what would change it. Money is in the book's currency."""

    scenario: Scenario
    variant: str
    book: PriceBook
    inputs: Inputs
    quantities: Quantities
    bill: Bill
    total: float
    variants: Mapping[str, float]  # the total of each, on the same stack
    stacks: Mapping[str, float]  # what Kadr costs on others; infinite where no plan has room
    peers: tuple[PeerBill, ...]
    knobs: tuple[Knob, ...]
    tornado: tuple[Swing, ...]
    break_evens: tuple[BreakEven, ...]
    marginal_gb: float
    viewers_within_budget: float | None  # times as many; None without a budget, above it, or where it is never reached
    prices: tuple[UsedPrice, ...]

    @property
    def is_below(self) -> bool | None:
        """Whether the total is below the scenario's budget; None without one."""
        return None if self.scenario.budget is None else self.total < self.scenario.budget

    @property
    def unverified(self) -> int:
        """How many of the prices the bill depends on are to be verified."""
        return sum(price.verify for price in self.prices)


def answer(
    scenario: Scenario,
    book: PriceBook,
    *,
    variant: str = BASE,
    measured: Mapping[str, Value] | None = None,
    given: Mapping[str, float] | None = None,
) -> Answer:
    """Compute it. Raises ConfigError for unknown names and for values out of their range."""

    def case(stack: Stack, of: str = variant) -> Case:
        return Case(inputs=inputs_of(scenario, variant=of, measured=measured, given=given), stack=stack, book=book)

    this = case(scenario.stack)
    inputs = this.inputs
    found = bill(inputs, scenario.stack, book)
    return Answer(
        scenario=scenario,
        variant=variant,
        book=book,
        inputs=inputs,
        quantities=quantities(inputs),
        bill=found,
        total=found.total,
        variants={name: case(scenario.stack, name).total for name in (BASE, *scenario.variants)},
        stacks={stack.name: case(stack).total for stack in (scenario.stack, *scenario.others)},
        peers=tuple(peers(inputs, scenario.stack, book)),
        knobs=tuple(knobs(this)),
        tornado=tuple(tornado(this)),
        break_evens=tuple(break_evens(inputs, this.prices)),
        marginal_gb=this.marginal_gb,
        viewers_within_budget=_viewers_within_budget(this, scenario.budget),
        prices=tuple(_used(this)),
    )


def _viewers_within_budget(case: Case, budget: float | None) -> float | None:
    """How many times as many viewers the budget is enough for, to a hundredth."""

    def total(factor: float) -> float:
        viewers = {f"{kind}.viewers": case.inputs[f"{kind}.viewers"] * factor for kind in case.inputs.kinds}
        return replace(case, inputs=case.inputs.having(viewers)).total

    low, high = 1.0, 2.0
    if budget is None or not total(low) < budget:
        return None
    while total(high) < budget:
        low, high = high, 2 * high
        if high > MOST_VIEWERS:
            return None
    while high - low > 0.01 * low:
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) < budget else (low, middle)
    return low


def _used(case: Case) -> list[UsedPrice]:
    cdn, storage = case.book.the_cdn(case.stack.cdn), case.book.the_storage(case.stack.storage)
    prices: list[tuple[str, Price | None]] = [
        ("core_hour", case.book.core_hour),
        (storage.name, storage.store),
        (storage.name, storage.put),
        (storage.name, storage.get),
        (storage.name, None if case.stack.cdn in storage.free_to else storage.egress),
        *((cdn.name, price) for price, _ in (priced_regions(cdn, case.stack.regions) if cdn.deliver else ())),
        (cdn.name, cdn.requests),
    ]
    used = [_as_used(of, price) for of, price in prices if price is not None]
    return [*used, *_used_plan(case)]


def _as_used(of: str, price: Price) -> UsedPrice:
    amounts = [price.price] if price.price is not None else [tier.price for tier in price.tiers]
    ends = dict.fromkeys(
        f"{amount:.8f}".rstrip("0").rstrip(".") for amount in (amounts[0], amounts[-1]) if amount is not None
    )
    return UsedPrice(
        of=of,
        amount=" … ".join(ends),
        unit=price.unit,
        region=price.region,
        grade=price.grade,
        date=price.date.isoformat(),
        source=price.source,
        verify=price.grade.verify,
    )


def _used_plan(case: Case) -> list[UsedPrice]:
    cdn, work = case.book.the_cdn(case.stack.cdn), quantities(case.inputs)
    plan = plan_for(cdn, work.egress_gb, work.requests)
    if cdn.plans is None or plan is None:
        return []
    return [
        UsedPrice(
            of=f"{cdn.name}, {plan.name}",
            amount=f"{plan.price:g}",
            unit="month",
            region=cdn.plans.region,
            grade=cdn.plans.grade,
            date=cdn.plans.date.isoformat(),
            source=cdn.plans.source,
            verify=cdn.plans.grade.verify,
        )
    ]


def as_json(found: Answer) -> dict[str, Any]:
    """The answer for programs. What is without end, such as views that never suffice, is null."""
    return {
        "scenario": found.scenario.name,
        "question": found.scenario.question,
        "variant": found.variant,
        "currency": found.book.currency,
        "prices": found.book.name,
        "stack": found.scenario.stack.model_dump(),
        "total": _plain(found.total),
        "budget": found.scenario.budget,
        "is_below": found.is_below,
        "lines": _plain(found.bill.lines),
        "once": _plain(found.bill.once),
        "hit_ratio": round(found.bill.hit, 4),
        "quantities": _plain(asdict(found.quantities)),
        "variants": _plain(found.variants),
        "stacks": _plain(found.stacks),
        "peers": [{**_plain(asdict(one)), "total": _plain(one.total)} for one in found.peers],
        "knobs": _plain([asdict(one) for one in found.knobs]),
        "tornado": _plain([asdict(one) for one in found.tornado]),
        "break_even": _plain([asdict(one) for one in found.break_evens]),
        "marginal_gb": found.marginal_gb,
        "viewers_within_budget": found.viewers_within_budget,
        "inputs": {
            name: {**_plain(asdict(value)), "unit": definition(name).unit}
            for name, value in found.inputs.values.items()
        },
        "used_prices": _plain([asdict(one) for one in found.prices]),
        "not_in_it": list(found.scenario.not_in_it),
    }


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value.value if isinstance(value, Enum) else value
