"""How long to wait before the next attempt. Pure, but for chance and the clock as defaults."""

import random
import time
from email.utils import parsedate_to_datetime

FIRST_S = 0.5
MOST_S = 30.0
MOST_ASKED_S = 60.0


def pause_s(failures: int, retry_after: str | None = None, chance: float | None = None) -> float:
    """Seconds to wait after so many failures in a row: doubling from 0.5 s to 30 s, less up to half of it by chance.

    `retry_after`: that header of the last answer, which is respected up to a minute. `chance`: from 0 to 1.
    """
    share = 1 - (random.random() if chance is None else chance) / 2
    return max(share * min(MOST_S, FIRST_S * 2.0 ** (failures - 1)), asked_s(retry_after))


def asked_s(retry_after: str | None, now: float | None = None) -> float:
    """Seconds that a Retry-After header asks for, as a number or a date (RFC 9110, 10.2.3); 0 without a good one."""
    if retry_after is None:
        return 0.0
    try:
        seconds = float(retry_after)
    except ValueError:
        try:
            at = parsedate_to_datetime(retry_after).timestamp()
        except ValueError:
            return 0.0
        seconds = at - (time.time() if now is None else now)
    return min(max(0.0, seconds), MOST_ASKED_S) if seconds == seconds else 0.0
