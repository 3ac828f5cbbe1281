"""One session's order of pathways, for how long, and why. Pure: every origin decides the same for the same input.

In: session, pathways, their state, the operator's override, the viewer's country, the current pathway. Out:
`Decision`. A session keeps its pathway while the weights stay: it moves when a breaker changes or an operator
overrides. All pathways are listed, the unusable ones last: a player that has lost all others can still try them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from origin.cdn.cdns import Cdn, Cdns
from origin.cdn.steering import rendezvous
from origin.cdn.steering.breaker import State
from origin.cdn.steering.regions import serves
from origin.cdn.steering.score import price_factors, score

HEALTHY_TTL_S = 300
DEGRADED_TTL_S = 30
JITTER = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """The state of one pathway. `full`: it has reached one of its limits and gets no more sessions."""

    state: State = State.CLOSED
    full: bool = False


GOOD = Condition()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The state of all pathways. The default is that nothing is known: the order is by weights and prices."""

    conditions: Mapping[str, Condition] = field(default_factory=dict)
    override: str | None = None
    ended: bool = False
    fresh: bool = False

    def of(self, pathway: str) -> Condition:
        """The state of one pathway; closed and not full where nothing is known of it."""
        return self.conditions.get(pathway, GOOD)


NOTHING = Known()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The order of pathways, the preferred one first, and how long it holds, in seconds."""

    pathways: tuple[str, ...]
    ttl_s: int
    reason: str  # override, breaker, full, healthy, static (nothing is known)


def decide(session: str, cdns: Cdns, known: Known, *, region: str = "", current: str | None = None) -> Decision:
    """`region` is the viewer's country, "" if unknown; `current` the pathway that the player reports."""
    factors = price_factors(cdns.all, cdns.price_sensitivity)
    tiers: dict[int, dict[str, float]] = {}
    for cdn in cdns.all:
        condition = known.of(cdn.id)
        tier = _tier(cdn, condition, region, current)
        # Failed pathways are ordered as if they had not failed: with all of them down, sessions keep their order.
        state = State.CLOSED if condition.state is State.OPEN else condition.state
        tiers.setdefault(tier, {})[cdn.id] = score(cdn.weight or 1, state, factors[cdn.id])
    ordered = [pathway for tier in sorted(tiers) for pathway in rendezvous.order(session, tiers[tier])]
    if known.override in ordered:
        ordered.remove(known.override)
        ordered.insert(0, known.override)
    reason = _reason(cdns, known)
    ttl_s = DEGRADED_TTL_S if reason in ("override", "breaker") else HEALTHY_TTL_S
    return Decision(pathways=tuple(ordered), ttl_s=_jittered(session, ttl_s), reason=reason)


def _tier(cdn: Cdn, condition: Condition, region: str, current: str | None) -> int:
    """Pathways of tier 0 are preferred; those of a higher tier are used when all lower ones have failed the player."""
    if condition.state is State.OPEN:
        return 4
    if condition.full and cdn.id != current:
        return 3
    if cdn.weight == 0:
        return 2
    return 0 if serves(cdn.regions, region) else 1


def _reason(cdns: Cdns, known: Known) -> str:
    if known.override in cdns.ids:
        return "override"
    conditions = [known.of(pathway) for pathway in cdns.ids]
    if any(condition.state is not State.CLOSED for condition in conditions):
        return "breaker"
    if any(condition.full for condition in conditions):
        return "full"
    return "healthy" if known.fresh else "static"


def _jittered(session: str, ttl_s: int) -> int:
    """The TTL varied by session, so that sessions that began together do not come back together."""
    return round(ttl_s * (1 - JITTER + 2 * JITTER * rendezvous.draw(session, "")))
