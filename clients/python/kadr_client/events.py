"""The feed of an account's events, in their order, each as soon as it has happened."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from kadr_client.backoff import pause_s
from kadr_client.errors import KadrError, is_temporary
from kadr_client.shapes.event import Event
from kadr_client.transport import Query, Transport

OnLost = Callable[[KadrError, float], None]  # (what happened, seconds until the next attempt)


class EventFeed:
    """`async for event in kadr.events(...)`: without an end.

    `cursor` is where to go on, as `after`, when the program starts again: it stands behind the last event that the
    loop has begun with, or before it where more of the same answer are to come. Store it when an event has been dealt
    with: then none is missed, and some may come twice, with the same `id`.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        after: str | None,
        types: Sequence[str],
        last: int | None,
        wait_s: float,
        limit: int,
        on_lost: OnLost | None,
    ) -> None:
        self.cursor = after
        self._transport = transport
        self._types = ",".join(types) or None
        self._last = last
        self._wait_s = wait_s
        self._limit = limit
        self._on_lost = on_lost
        self._waiting: deque[Event] = deque()
        self._next_cursor = after
        self._connected = False

    def __aiter__(self) -> "EventFeed":
        return self

    async def __anext__(self) -> Event:
        """The next event. Raises ApiError, such as `cursor_expired`; NoAnswer only before there was any answer."""
        while not self._waiting:
            page = await self._page()
            self._last = None
            self._waiting.extend(page["data"])
            self._next_cursor = page["next_cursor"]
            if not self._waiting:
                self.cursor = self._next_cursor
        event = self._waiting.popleft()
        if not self._waiting:
            self.cursor = self._next_cursor
        return event

    async def _page(self) -> dict[str, Any]:
        """The next answer with events, or an empty one after `wait_s`; asked for until there is one."""
        query: Query = {
            "after": self._next_cursor,
            "types": self._types,
            "last": self._last,
            "wait_s": self._wait_s,
            "limit": None if self._last else self._limit,
        }
        failures = 0
        while True:
            try:
                timeout_s = self._wait_s + self._transport.timeout_s
                page = await self._transport.answer("GET", "/v1/events", query=query, timeout_s=timeout_s, tries=1)
            except KadrError as error:
                failures += 1
                if not is_temporary(error) or (not self._connected and failures >= self._transport.tries):
                    raise
                wait_s = pause_s(failures)
                if self._on_lost is not None:
                    self._on_lost(error, wait_s)
                await asyncio.sleep(wait_s)
            else:
                self._connected = True
                return page
