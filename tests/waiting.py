"""Wait for the thing itself, with a deadline: no test sleeps for a fixed time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

from tests import runs

T = TypeVar("T")
WITHIN_S = 60.0


async def until(
    read: Callable[[], Awaitable[T]],
    good: Callable[[T], Any] = bool,
    *,
    within_s: float = WITHIN_S,
    every_s: float = 0.05,
) -> T:
    """What `read` gives once it is `good` (by default: true); fails with what it gave last."""
    within_s *= runs.patience()
    deadline = time.monotonic() + within_s
    while not good(value := await read()):
        assert time.monotonic() < deadline, f"not within {within_s:g} s; the last was {value!r}"
        await asyncio.sleep(every_s)
    return value


def unix_s(written: str) -> int:
    """Unix seconds of a time as answers write it: ISO 8601, in UTC, to the second."""
    read = datetime.strptime(written, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return int(read.timestamp())


async def until_time(unix_s: float) -> None:
    """Wait until the clock shows more than this: for what expires by the second, where no clock can be put in."""
    while (left := unix_s - time.time()) >= 0:
        await asyncio.sleep(left + 0.01)
