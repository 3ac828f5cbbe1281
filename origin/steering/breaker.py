"""The breaker of one pathway: closed, open, half-open. Pure; the time is given.

Closed opens when enough samples say that too many fail. Open waits, then lets a few viewers back: half-open. From
there few failures close it, many open it again; in between it stays (hysteresis), and closes after a while, so that a
little noise does not starve a pathway for good.
"""

from dataclasses import dataclass
from enum import StrEnum

from origin.steering.samples import Window


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """`open_at` and `close_at` are shares of bad samples."""

    min_samples: float = 20
    open_at: float = 0.3
    close_at: float = 0.05
    wait_s: float = 30
    patience_s: float = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """`since` is when it came into this state; only samples of later count."""

    state: State = State.CLOSED
    since: float = 0.0


RULES = Rules()


def step(breaker: Breaker, seen: Window, now: float, rules: Rules = RULES) -> Breaker:
    """The breaker after a look at the samples since its last change."""
    enough = seen.weight >= rules.min_samples
    bad = enough and seen.bad_share >= rules.open_at
    match breaker.state:
        case State.CLOSED if bad:
            return Breaker(state=State.OPEN, since=now)
        case State.OPEN if now - breaker.since >= rules.wait_s:
            return Breaker(state=State.HALF_OPEN, since=now)
        case State.HALF_OPEN if bad:
            return Breaker(state=State.OPEN, since=now)
        case State.HALF_OPEN if enough and (
            seen.bad_share <= rules.close_at or now - breaker.since >= rules.patience_s
        ):
            return Breaker(state=State.CLOSED, since=now)
    return breaker
