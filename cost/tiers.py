"""What a quantity costs by a price, a list of marginal tiers, or a flat plan. Pure."""

import math

from core.errors import ConfigError
from presets.price_book import ANYWHERE, Cdn, Plan, Price


def price_of(price: Price | None, quantity: float) -> float:
    """What `quantity` units cost: each by its own tier. Nothing where there is no price."""
    if price is None or quantity <= 0:
        return 0.0
    bought = math.ceil(quantity / price.step - 1e-9) * price.step if price.step > 1e-6 else quantity
    if price.price is not None:
        return bought * price.price
    total, below = 0.0, 0.0
    for tier in price.tiers:
        end = math.inf if tier.up_to is None else tier.up_to
        total += (min(bought, end) - below) * tier.price
        below = end
        if bought <= end:
            break
    return total


def plan_for(cdn: Cdn, gb: float, requests: float) -> Plan | None:
    """The cheapest flat plan that has room for both; None where none has."""
    plans = cdn.plans.plans if cdn.plans else ()
    return min((plan for plan in plans if plan.gb >= gb and plan.requests >= requests), key=_price, default=None)


def _price(plan: Plan) -> float:
    return plan.price


def delivery(cdn: Cdn, regions: dict[str, float], gb: float, requests: float) -> tuple[float, float]:
    """What a CDN charges for bytes, and for requests. Infinite where no flat plan has room for them.

    Raises ConfigError where the CDN has no price for one of the regions.
    """
    if cdn.plans is not None:
        if gb <= 0 and requests <= 0:
            return 0.0, 0.0
        plan = plan_for(cdn, gb, requests)
        return (math.inf if plan is None else plan.price), 0.0
    by_region = sum(price_of(price, gb * share) for price, share in priced_regions(cdn, regions))
    return by_region, price_of(cdn.requests, requests)


def priced_regions(cdn: Cdn, regions: dict[str, float]) -> list[tuple[Price, float]]:
    """(price, share of the bytes) of each region; one for all where the CDN has only that; none with flat plans.

    Raises ConfigError where the CDN has no price for one of the regions.
    """
    if ANYWHERE in cdn.deliver or cdn.plans is not None:
        return [(cdn.deliver[ANYWHERE], 1.0)] if cdn.deliver else []
    if missing := [region for region, share in regions.items() if share and region not in cdn.deliver]:
        raise ConfigError(f"{cdn.name} has no price for {', '.join(missing)}; it has {', '.join(cdn.deliver)}")
    return [(cdn.deliver[region], share) for region, share in regions.items() if share]


def marginal(cdn: Cdn, regions: dict[str, float], gb: float) -> float:
    """What the next GB costs, by how viewers are spread. 0 with flat plans: inside one it is free."""
    return sum(share * next_of(price, gb * share) for price, share in priced_regions(cdn, regions))


def next_of(price: Price, quantity: float) -> float:
    """What one unit costs beyond `quantity`, whatever the steps that it is bought in."""
    if price.price is not None:
        return price.price
    return next(tier.price for tier in price.tiers if tier.up_to is None or quantity < tier.up_to)


def serves(cdn: Cdn, regions: dict[str, float]) -> bool:
    """Whether the CDN has a price for each of the regions."""
    return bool(cdn.plans or ANYWHERE in cdn.deliver or {one for one in regions if regions[one]} <= set(cdn.deliver))
