"""Values that are read again once they are a little old. Many asking for the same one read it once.

A read that fails leaves the old value in place: what was true a moment ago is better than no playback.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from core.logs import Log

_LOG = Log("origin")
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


@dataclass(slots=True)
class _Entry(Generic[Value]):
    read_at: float
    reading: asyncio.Task[Value]
    before: asyncio.Task[Value] | None  # the last read that went well


class Fresh(Generic[Key, Value]):
    """The newest `kept` values of `read`, each at most `fresh_s` old unless it cannot be read."""

    def __init__(self, read: Callable[[Key], Awaitable[Value]], *, fresh_s: float, kept: int) -> None:
        self._read = read
        self._fresh_s = fresh_s
        self._kept = kept
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()

    async def get(self, key: Key) -> Value:
        """Raises what `read` raises where nothing was read before."""
        now = time.monotonic()
        entry = self._entries.get(key)
        if entry is None or now - entry.read_at > self._fresh_s:
            entry = self._again(key, entry, now)
        else:
            self._entries.move_to_end(key)
        reading = entry.reading
        if reading.done() and not reading.cancelled() and reading.exception() is None:
            return reading.result()
        try:
            # One viewer leaving must not cancel the read the others wait for.
            return await asyncio.shield(reading)
        except Exception as exc:
            if entry.before is None:
                raise
            _LOG.warning("read.stale", key=str(key), error=repr(exc))
            return entry.before.result()

    def _again(self, key: Key, old: _Entry[Value] | None, now: float) -> _Entry[Value]:
        before = None
        if old is not None:
            good = old.reading.done() and not old.reading.cancelled() and old.reading.exception() is None
            before = old.reading if good else old.before
        reading: asyncio.Task[Value] = asyncio.ensure_future(self._read(key))
        # Somebody may be left to hear of a failure, or nobody.
        reading.add_done_callback(lambda done: done.cancelled() or done.exception())
        entry = self._entries[key] = _Entry(read_at=now, reading=reading, before=before)
        self._entries.move_to_end(key)
        while len(self._entries) > self._kept:
            self._entries.popitem(last=False)
        return entry
