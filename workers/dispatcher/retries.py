"""When an event is sent again, and how long a receiver that asks for it is left alone. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

JITTER = 0.1  # of each pause, more or less
THROTTLES = frozenset({429, 502, 503, 504})
UNSAID_PAUSE_S = 15.0  # where one of these says nothing of how long
LONGEST_PAUSE_S = 24 * 3600.0


def next_attempt(now: datetime, attempts: int, pauses_s: Sequence[float], chance: float) -> datetime | None:
    """When the attempt after `attempts` failed ones is to be; None: there is none. `chance`: at random, 0 to 1."""
    if attempts >= len(pauses_s):
        return None
    return now + timedelta(seconds=pauses_s[attempts] * (1 + JITTER * (2 * chance - 1)))


def throttled_until(now: datetime, status: int, headers: Mapping[str, str]) -> datetime | None:
    """Until when the server that gave this answer wants no requests; None: it has not said so."""
    if status not in THROTTLES:
        return None
    pause_s = _retry_after_s(now, headers.get("Retry-After", ""))
    return now + timedelta(seconds=min(max(pause_s, 0.0), LONGEST_PAUSE_S))


def _retry_after_s(now: datetime, text: str) -> float:
    """Seconds or an HTTP date, as RFC 9110, 10.2.3 has them."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return UNSAID_PAUSE_S
    return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
