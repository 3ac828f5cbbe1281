"""What video platforms charge for the same work. Pure.

Beside Kadr's own bill: they need fewer servers of yours, and Kadr's fixed line is what those cost.
"""

from dataclasses import dataclass

from cost.bill import quantities, quantities_of
from cost.inputs import Inputs
from cost.tiers import delivery, price_of, priced_regions, serves
from presets.price_book import Grade, Price, PriceBook, Vendor
from presets.scenario import Stack


@dataclass(frozen=True, slots=True, kw_only=True)
class PeerBill:
    """What one platform charges a month, by what it does. `verify`: one of its prices is not from the vendor itself."""

    name: str
    encode: float
    captions: float
    store: float
    deliver: float  # requests included
    verify: bool
    note: str

    @property
    def total(self) -> float:
        return self.encode + self.captions + self.store + self.deliver


def peers(inputs: Inputs, stack: Stack, book: PriceBook) -> list[PeerBill]:
    """Every platform of the price book that has prices for where the viewers are, the cheapest first."""
    serving = [one for one in book.vendors.values() if one.cdn is None or serves(book.the_cdn(one.cdn), stack.regions)]
    return sorted((_bill(vendor, inputs, stack, book) for vendor in serving), key=lambda one: one.total)


def _bill(vendor: Vendor, inputs: Inputs, stack: Stack, book: PriceBook) -> PeerBill:
    work = quantities(inputs)
    prices: list[Price | None] = [*vendor.encode, vendor.store, vendor.deliver, vendor.captions]
    grades: set[Grade] = set()
    if vendor.storage is not None:
        storage = book.the_storage(vendor.storage)
        store = price_of(storage.store, work.stored_gb if vendor.keeps_source else work.ladder_gb + work.pictures_gb)
        store += price_of(storage.put, work.puts)
        prices += [storage.store, storage.put]
    else:
        store = price_of(vendor.store, work.stock_min)
    if vendor.cdn is not None:
        cdn = book.the_cdn(vendor.cdn)
        deliver = sum(delivery(cdn, stack.regions, work.egress_gb, work.requests))
        prices += [*(price for price, _ in priced_regions(cdn, stack.regions)), cdn.requests]
        grades |= {cdn.plans.grade} if cdn.plans else set()
    else:
        deliver = price_of(vendor.deliver, work.delivered_min)
    return PeerBill(
        name=vendor.name,
        encode=sum(price_of(one, _billed_min(vendor, inputs)) * one.outputs for one in vendor.encode),
        captions=price_of(vendor.captions, work.new_min),
        store=store,
        deliver=deliver,
        verify=any(grade.verify for grade in grades | {price.grade for price in prices if price is not None}),
        note=vendor.note,
    )


def _billed_min(vendor: Vendor, inputs: Inputs) -> float:
    """New minutes as the platform counts them: each title as long as its shortest, at least."""
    kinds = [inputs.kind(name) for name in inputs.kinds]
    return sum(quantities_of(kind, inputs).new_min * max(kind.title_s, vendor.least_s) / kind.title_s for kind in kinds)
