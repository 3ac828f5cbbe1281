"""A cache of values that are read asynchronously: one read per key at a time, refreshed by age, stale on error.

In: a coroutine function that reads the value of a key. Out: the value, read at most `refresh_s` ago unless it could not
be read since. Rules:

- Many callers of one key share one read. A caller that is cancelled does not cancel the read for the others.
- A refresh that fails leaves the old value in place, and is tried again later.
- A failed first read is repeated at the earliest after `retry_s`; until then every caller gets the same error.
- Errors named in `final_errors` say that the value no longer exists: the old value is dropped and the error raised.
- The entry that was used longest ago is dropped beyond `max_entries`, or beyond a total of `max_weight`.

Every error of a read is retrieved, so that asyncio never reports one as lost.
"""

import asyncio
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from contextlib import nullcontext
from dataclasses import dataclass
from enum import Enum
from typing import Generic, Literal, TypeVar, cast

from core.concurrency import cancel_and_wait
from core.errors import KadrError
from core.telemetry.logs import Log

_LOG = Log("cache")
RETRY_S = 0.5
LONGEST_STALE_RETRY_S = 30.0
Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class CacheBusy(KadrError):
    """Too many reads are waiting; try again in a moment."""


class _Nothing(Enum):
    NOTHING = 0


NOTHING = _Nothing.NOTHING


@dataclass(slots=True)
class _Entry(Generic[Value]):
    """`reading` is the read that runs, or the last one where it failed. `due_at` is by the cache's clock."""

    value: Value | Literal[_Nothing.NOTHING] = NOTHING
    weight: int = 0
    due_at: float = -math.inf
    reading: asyncio.Task[Value] | None = None
    stale: bool = False  # the last refresh failed


class RefreshingCache(Generic[Key, Value]):
    """Values of `read` by key. `name` appears in logs. Times are in seconds.

    `refresh_s`: age from which a value is read again, counted from the start of its read.
    `recheck`: takes the place of `read` where a value exists already, for instance to confirm it more cheaply.
    `serve_while_refreshing`: callers get the old value at once instead of waiting for the refresh.
    `weigh`: weight of a value, in the unit of `max_weight`.
    `concurrency`: reads that run at once. `max_reads`: reads that run or wait; one more raises CacheBusy.
    """

    def __init__(
        self,
        read: Callable[[Key], Awaitable[Value]],
        *,
        name: str,
        refresh_s: float = math.inf,
        retry_s: float = RETRY_S,
        max_entries: int = 10_000,
        max_weight: float = math.inf,
        weigh: Callable[[Value], int] | None = None,
        recheck: Callable[[Key, Value], Awaitable[Value]] | None = None,
        serve_while_refreshing: bool = False,
        final_errors: tuple[type[Exception], ...] = (),
        concurrency: int | None = None,
        max_reads: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read = read
        self._name = name
        self._refresh_s = refresh_s
        self._retry_s = retry_s
        self._max_entries = max_entries
        self._max_weight = max_weight
        self._weigh = weigh
        self._recheck = recheck
        self._serve_while_refreshing = serve_while_refreshing
        self._final_errors = final_errors
        self._slots = nullcontext() if concurrency is None else asyncio.Semaphore(concurrency)
        self._max_reads = max_reads
        self._clock = clock
        self._entries: OrderedDict[Key, _Entry[Value]] = OrderedDict()  # the most recently used last
        self._weight = 0
        self._reads: set[asyncio.Task[Value]] = set()

    def __len__(self) -> int:
        return len(self._entries)

    async def get(self, key: Key) -> Value:
        """The value of `key`. Raises what `read` raises where there is no value to fall back on, and CacheBusy."""
        entry = self._entries.get(key)
        if entry is not None:
            self._entries.move_to_end(key)
        if entry is None or (self._clock() >= entry.due_at and (entry.reading is None or entry.reading.done())):
            entry = self._start(key, entry)
        reading = entry.reading
        if reading is None:  # the last read succeeded
            return cast(Value, entry.value)
        if entry.value is not NOTHING and (reading.done() or self._serve_while_refreshing):
            return entry.value
        try:
            return await asyncio.shield(reading)
        except Exception:
            if entry.value is NOTHING:
                raise
            return entry.value

    def forget(self, matches: Callable[[Key], bool]) -> None:
        """Drop the values of these keys. Callers that wait for one get it all the same."""
        for key in [key for key in self._entries if matches(key)]:
            self._weight -= self._entries.pop(key).weight

    async def close(self) -> None:
        """Cancel the reads that run and return once they have ended."""
        await cancel_and_wait(tuple(self._reads))

    def _start(self, key: Key, entry: _Entry[Value] | None) -> _Entry[Value]:
        """Begin a read for `key`; an old value stays usable. Raises CacheBusy where there is none."""
        if len(self._reads) >= self._max_reads:
            if entry is None or entry.value is NOTHING:
                raise CacheBusy
            return entry
        if entry is None:
            entry = self._entries[key] = _Entry()
        entry.due_at = self._clock() + self._refresh_s
        reading = entry.reading = asyncio.create_task(self._run(key, entry.value))
        self._reads.add(reading)
        reading.add_done_callback(lambda ended: self._ended(key, entry, ended))
        self._evict()
        return entry

    async def _run(self, key: Key, old: Value | Literal[_Nothing.NOTHING]) -> Value:
        async with self._slots:
            if self._recheck is None or old is NOTHING:
                return await self._read(key)
            return await self._recheck(key, old)

    def _ended(self, key: Key, entry: _Entry[Value], reading: asyncio.Task[Value]) -> None:
        """Take over the result of a read. Runs before the callers that wait for it go on."""
        self._reads.discard(reading)
        if reading.cancelled():
            entry.due_at = -math.inf
        elif (error := reading.exception()) is None:
            entry.value, entry.reading, entry.stale = reading.result(), None, False
        else:
            self._failed(key, entry, error)
        if self._entries.get(key) is entry:
            self._weight -= entry.weight
            entry.weight = 0 if entry.value is NOTHING or self._weigh is None else self._weigh(entry.value)
            self._weight += entry.weight
            self._evict()

    def _failed(self, key: Key, entry: _Entry[Value], error: BaseException) -> None:
        if isinstance(error, self._final_errors):
            entry.value = NOTHING
        wait_s = self._retry_s
        if entry.value is not NOTHING:
            wait_s = max(wait_s, min(self._refresh_s, LONGEST_STALE_RETRY_S))
            if not entry.stale:
                _LOG.warning("cache.stale", cache=self._name, key=str(key), error=repr(error))
            entry.stale = True
        entry.due_at = self._clock() + wait_s

    def _evict(self) -> None:
        while len(self._entries) > self._max_entries or (self._weight > self._max_weight and len(self._entries) > 1):
            _, oldest = self._entries.popitem(last=False)
            self._weight -= oldest.weight
