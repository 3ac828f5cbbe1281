"""Turns at a scarce resource, dealt to titles one after the other, and within a title to those who ask for it.

In: who asks, as a title and an address. Out: a turn, one of `slots` at a time. However many requests one address or one
title makes, the next turn goes to another that waits. Raises CacheBusy for a request that would make the longest queue
of a title, or of an address, longer than allowed; where the whole queue is full, the title that waits most gives way.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core.caching.refreshing_cache import CacheBusy


@dataclass(slots=True, eq=False)
class _Waiter:
    title: str
    address: str | None
    turn: asyncio.Future[None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class FairQueue:
    """At most `slots` turns at once, and so many that wait: in all, for one title, and from one address."""

    def __init__(self, *, slots: int, waiting: int, per_title: int, per_address: int) -> None:
        self._free = slots
        self._most_waiting, self._most_per_title, self._most_per_address = waiting, per_title, per_address
        self._titles: dict[str, deque[_Waiter]] = {}  # the title whose turn is next comes first

    @asynccontextmanager
    async def turn(self, title: str, address: str | None) -> AsyncIterator[None]:
        """Wait for a turn and hold it while the body runs. `address`: None is not counted. Raises CacheBusy."""
        if self._free:
            self._free -= 1
        else:
            waiter = self._enqueue(title, address)
            try:
                await waiter.turn
            except asyncio.CancelledError:
                self._left(waiter)
                raise
        try:
            yield
        finally:
            self._pass_on()

    def _enqueue(self, title: str, address: str | None) -> _Waiter:
        waiting = [waiter for queue in self._titles.values() for waiter in queue]
        of_address = sum(waiter.address == address for waiter in waiting)
        if len(self._titles.get(title, ())) >= self._most_per_title:
            raise CacheBusy
        if address is not None and of_address >= self._most_per_address:
            raise CacheBusy
        if len(waiting) >= self._most_waiting:
            longest = max(self._titles.values(), key=len)
            if len(longest) <= len(self._titles.get(title, ())) + 1:
                raise CacheBusy
            given_up = longest.pop()
            given_up.turn.set_exception(CacheBusy())
        waiter = _Waiter(title, address)
        self._titles.setdefault(title, deque()).append(waiter)
        return waiter

    def _left(self, waiter: _Waiter) -> None:
        """Somebody waits no more: forget them, or pass on the turn they had just been given."""
        if waiter.turn.done() and not waiter.turn.cancelled() and waiter.turn.exception() is None:
            self._pass_on()
        elif waiter in (queue := self._titles.get(waiter.title, deque())):
            queue.remove(waiter)
            if not queue:
                del self._titles[waiter.title]

    def _pass_on(self) -> None:
        while self._titles:
            title, queue = next(iter(self._titles.items()))
            del self._titles[title]
            waiter = _next_of(queue)
            if queue:
                self._titles[title] = queue  # behind all others
            if not waiter.turn.done():
                waiter.turn.set_result(None)
                return
        self._free += 1


def _next_of(queue: deque[_Waiter]) -> _Waiter:
    """Take the oldest waiter of the address that waits least: one page of many pictures does not hold up another's."""
    waiting = Counter(waiter.address for waiter in queue)
    waiter = min(queue, key=lambda one: waiting[one.address])
    queue.remove(waiter)
    return waiter
