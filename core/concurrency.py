"""Running several coroutines: a bounded gather, a loop that repeats, and ending tasks for certain.

In: coroutines and coroutine functions. Out: their results, or the first error as it was raised, never wrapped in an
ExceptionGroup: callers sort errors by type. No I/O of its own.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

CANCEL_AGAIN_S = 0.5


async def cancel_and_wait(tasks: Collection[asyncio.Future[Any]]) -> None:
    """Cancel these tasks and return once every one of them has ended; their results and errors are dropped.

    Cancels again every half second: before Python 3.12 `asyncio.wait_for`, which redis-py uses, loses a cancellation
    that arrives in the moment its inner future completes. A cancellation of the caller is raised after the tasks ended.
    """
    cancelled: asyncio.CancelledError | None = None
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        try:
            await asyncio.wait(waiting, timeout=CANCEL_AGAIN_S)
        except asyncio.CancelledError as exc:
            cancelled = exc
    for task in tasks:
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not report it as lost
    if cancelled is not None:
        raise cancelled


async def run_to_end(coroutine: Awaitable[Result]) -> Result:
    """The result of a coroutine that runs to its end however often the caller is cancelled meanwhile.

    A cancellation of the caller is raised after the end. Bound the coroutine's time yourself.
    """
    task = asyncio.ensure_future(coroutine)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as exc:
            cancelled = exc
    if cancelled is not None:
        if not task.cancelled():
            task.exception()
        raise cancelled
    return task.result()


async def within(seconds: float, work: Awaitable[Result]) -> Result:
    """The result of `work`, or TimeoutError after so many seconds, however long `work` takes to be cancelled.

    `asyncio.timeout` waits for that: asyncpg tells a server that hangs, too, and takes half a minute.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())  # asyncio reports it as lost otherwise
    try:
        await asyncio.wait({task}, timeout=seconds)
    finally:
        task.cancel()
    if not task.done():
        raise TimeoutError
    return task.result()


async def gather_all(*coroutines: Awaitable[Result]) -> list[Result]:
    """The results in order. The first error cancels the others, waits for them, and is raised as it is."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    if not tasks:
        return []
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in tasks:  # in the caller's order, so that the same failures raise the same error
            if task in done and (task.cancelled() or task.exception() is not None):
                return [task.result()]
        return [task.result() for task in tasks]
    finally:
        await cancel_and_wait(tasks)


async def gather_bounded(
    work: Callable[[Item], Awaitable[Result]], items: Iterable[Item], *, limit: int
) -> list[Result]:
    """`work(item)` for every item, at most `limit` at once; results in the order of the items.

    The first error cancels what runs, starts nothing more, and is raised as it is.
    """
    slots = asyncio.Semaphore(limit)

    async def one(item: Item) -> Result:
        await slots.acquire()
        try:
            result = await work(item)
        except asyncio.CancelledError:
            slots.release()
            raise
        slots.release()  # not after an error: then nothing more starts
        return result

    return await gather_all(*(one(item) for item in items))


async def repeat_every(
    seconds: float, work: Callable[[], Awaitable[object]], on_error: Callable[[Exception], None]
) -> None:
    """Run `work` now and then every `seconds`, counted from start to start, until cancelled.

    An exception of `work` goes to `on_error` and does not end the loop.
    """
    while True:
        started = time.monotonic()
        try:
            await work()
        except Exception as exc:  # noqa: BLE001 - a background loop that ends in silence is worse than one bad round
            on_error(exc)
        await asyncio.sleep(max(0.1, seconds - (time.monotonic() - started)))


class Budget:
    """So many units of something that is shared. What does not fit waits; nothing is refused."""

    def __init__(self, total: int) -> None:
        self._total = self._free = total
        self._changed = asyncio.Condition()

    @property
    def is_free(self) -> bool:
        """Whether nobody holds any of it."""
        return self._free == self._total

    @asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Wait until so much is free, and take it for the body. More than all of it is all of it, alone."""
        taken = min(size, self._total)
        async with self._changed:
            await self._changed.wait_for(lambda: self._free >= taken)
            self._free -= taken
        try:
            yield
        finally:
            async with self._changed:
                self._free += taken
                self._changed.notify_all()


@asynccontextmanager
async def in_background(*coroutines: Awaitable[None]) -> AsyncIterator[None]:
    """These run beside the body of the `async with` and have ended when it is left."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        await cancel_and_wait(tasks)
