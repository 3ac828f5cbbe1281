"""How much of the audience a pathway should get. Pure.

    score = operator weight x health x price factor

Weight is the operator's number. Health is the state of the breaker (closed 1, half-open 0.1, open 0): a ratio that
varies would move viewers because of noise. The price factor is 1 for the cheapest pathway and falls with the
price: (cheapest / price) ** sensitivity. A pathway without a price counts as cheap as the cheapest; with
sensitivity 0 prices change nothing.
"""

from collections.abc import Mapping, Sequence

from origin.cdn.cdns import Cdn
from origin.cdn.steering.breaker import State

HEALTH: Mapping[State, float] = {State.CLOSED: 1.0, State.HALF_OPEN: 0.1, State.OPEN: 0.0}
# So that a free pathway is not infinitely better than a cheap one.
LOWEST_PRICE_PER_GB = 0.001


def price_factors(cdns: Sequence[Cdn], sensitivity: float) -> dict[str, float]:
    """Pathway id -> price factor, above 0 and at most 1."""
    prices = {cdn.id: max(cdn.price_per_gb, LOWEST_PRICE_PER_GB) for cdn in cdns if cdn.price_per_gb is not None}
    cheapest = min(prices.values(), default=1.0)
    return {cdn.id: (cheapest / prices.get(cdn.id, cheapest)) ** sensitivity for cdn in cdns}


def score(weight: float, state: State, price_factor: float) -> float:
    """The share of the audience that a pathway should get, relative to the other scores."""
    return weight * HEALTH[state] * price_factor
