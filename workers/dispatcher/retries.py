"""When an event is sent again, and how long a receiver is left alone. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

JITTER = 0.1  # of each pause, more or less
THROTTLES = frozenset({429, 502, 503, 504})
DEFAULT_PAUSE_S = 15.0  # where one of these says nothing of how long
MAX_PAUSE_S = 24 * 3600.0
AWAY_S, MAX_AWAY_S = 5.0, 300.0


def pause_s(attempts: int, pauses_s: Sequence[float], chance: float) -> float | None:
    """Seconds until the attempt after `attempts` failed ones; None: there is none. `chance`: at random, 0 to 1."""
    if attempts >= len(pauses_s):
        return None
    return pauses_s[attempts] * (1 + JITTER * (2 * chance - 1))


def requested_pause_s(now: datetime, status: int, headers: Mapping[str, str]) -> float | None:
    """For how long the server that gave this response wants no requests; None: it has not said so."""
    if status not in THROTTLES:
        return None
    return min(max(_retry_after_s(now, headers.get("Retry-After", "")), 0.0), MAX_PAUSE_S)


def away_s(failures: int) -> float:
    """For how long a server that has not answered so many times in a row is left alone."""
    return min(AWAY_S * 2.0 ** min(max(failures - 1, 0), 10), MAX_AWAY_S)


def _retry_after_s(now: datetime, text: str) -> float:
    """Seconds or an HTTP date, as RFC 9110, 10.2.3 has them."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        at = parsedate_to_datetime(text)
        return ((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds()
    except (ValueError, OverflowError):
        return DEFAULT_PAUSE_S
