"""The circuit breaker of one pathway: closed, open, half-open. Pure; the time is an argument.

A closed breaker opens when enough samples show too many failures. An open one waits, then admits a few viewers:
half-open. From there few failures close it and many open it again. In between it stays (hysteresis), and closes after a
while, so that a little noise does not starve a pathway for good.
"""

from dataclasses import dataclass
from enum import StrEnum

from origin.cdn.steering.samples import Window


class State(StrEnum):
    """Of a breaker: viewers are sent, not sent, or a few are sent to try."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When a breaker changes. `open_at` and `close_at` are shares of bad samples; times are in seconds."""

    min_samples: float = 20
    open_at: float = 0.3
    close_at: float = 0.05
    wait_s: float = 30
    patience_s: float = 180


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """`since` is when it entered this state (Unix seconds); only later samples count."""

    state: State = State.CLOSED
    since: float = 0.0


RULES = Rules()


def step(breaker: Breaker, seen: Window, now: float, rules: Rules = RULES) -> Breaker:
    """The breaker after judging the samples since its last change."""
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
