"""What secrets stand for, remembered by their hashes for a moment, so that not every request asks the database."""

import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Remembered(Generic[Value]):
    """Values by the digest of a secret, each for `for_s` seconds. What is unknown is looked up each time."""

    def __init__(self, for_s: float, max_entries: int) -> None:
        self._for_s = for_s
        self._max_entries = max_entries
        self._known: dict[bytes, tuple[Value, float]] = {}

    async def get(self, digest: bytes, look_up: Callable[[], Awaitable[Value | None]]) -> Value | None:
        """The value of a secret, at most `for_s` old; None for a secret that stands for nothing."""
        known = self._known.get(digest)
        if known is not None and time.monotonic() <= known[1]:
            return known[0]
        value = await look_up()
        if len(self._known) >= self._max_entries:
            self._known.clear()
        self._known.pop(digest, None)
        if value is not None:
            self._known[digest] = (value, time.monotonic() + self._for_s)
        return value

    def forget(self) -> None:
        """Look up everything anew from now on."""
        self._known.clear()
