"""A streaming standby that reads may go to in place of the primary (KADR_DATABASE_REPLICA_URL).

In: a query, and up to where the primary's log must have been replayed for it. Out: rows, of the standby where it has
all that, else of the primary. A standby that is away, lags or is none is not asked; reads then cost the primary load,
and nothing else changes. Only queries that read may come here.
"""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

import asyncpg

from core.concurrency import cancel_and_wait, in_background, repeat_every
from core.db import postgres, sql
from core.db.postgres import Connection, Pool
from core.settings import Settings
from core.telemetry import metrics
from core.telemetry.logs import Log

_SQL = sql.load("replica")
_LOG = Log("replica")
EVERY_S = 1.0  # how often primary and standby are compared
ANSWER_S = 1.0  # within which each of them says how far it is
READ_S = 2.0  # for one query; after it the primary is asked
MOST_LAG_S = 5.0  # a standby that is further behind is not used
WAIT_S = 0.2  # for what a reader must see
POLL_S = 0.01
SAMPLES = 64
_FAILED = (asyncpg.PostgresError, *postgres.UNAVAILABLE)
# Of one read only: it is slow, or in conflict with what is replayed. Whether the standby hangs, `refresh` sees.
_OF_ONE_READ = (TimeoutError, asyncpg.QueryCanceledError, asyncpg.TransactionRollbackError)


class State(StrEnum):
    """Whether reads go to the standby, or why not."""

    USED = "used"
    AWAY = "away"
    LAGGING = "lagging"
    NO_STANDBY = "no_standby"  # it replays no log: the primary itself, or a standby that was promoted
    OTHER_CLUSTER = "other_cluster"


class Replica:
    """The standby, and what is known of it. `pool` is of the standby."""

    def __init__(self, primary: Pool, pool: Pool) -> None:
        self.primary = primary
        self._pool = pool
        self._state: State | None = None
        self._replayed_to = 0  # by what the standby said last; it may say less after a crash
        self._asking: asyncio.Task[Any] | None = None  # asks for all who wait
        self._asked_at = 0.0
        self._cluster: int | None = None  # the primary's
        self._samples: deque[tuple[float, int]] = deque(maxlen=SAMPLES)  # when the primary's log was how long

    @property
    def state(self) -> State:
        return self._state or State.AWAY

    @property
    def is_used(self) -> bool:
        return self._state is State.USED

    def reads(self, after: float = 0) -> "Reads":
        """Where to read what must include the primary's log up to `after`; infinity stands for the primary itself."""
        return Reads(self, after)

    async def position(self, connection: Connection | None = None) -> int:
        """All that was committed until now lies before this place of the log. Raises what asyncpg does.

        `connection`: one to the primary that the caller holds; who waits for another meanwhile may wait for itself.
        """
        asked = self.primary if connection is None else connection
        position: int = await asked.fetchval(_SQL["position"], timeout=ANSWER_S)
        return position

    async def refresh(self) -> None:
        """Compare standby and primary. Without the primary the lag stays as it was known: nothing is written then."""
        primary = await self._ask(self.primary, "primary")
        if primary is not None:
            self._cluster = primary["cluster"]
            self._samples.append((time.monotonic(), primary["position"]))
        standby = await self._ask_standby()
        if standby is None:
            return
        if self._cluster not in (None, standby["cluster"]):
            self._settle(State.OTHER_CLUSTER)
        elif not standby["is_standby"]:
            self._settle(State.NO_STANDBY)
        else:
            lag_s, is_all = self._lag_s(standby["position"] or 0)
            metrics.REPLICA_LAG.set(lag_s)
            is_behind = lag_s > MOST_LAG_S or not is_all
            self._settle(State.LAGGING if is_behind else State.USED, lag_s=round(lag_s, 3))

    async def _ask_standby(self) -> Any | None:
        """What the standby says of itself. Without an answer it is away."""
        await asyncio.sleep(self._asked_at + POLL_S - time.monotonic())
        found = await self._ask(self._pool, "standby")
        self._asked_at = time.monotonic()
        self._replayed_to = 0 if found is None else found["position"] or 0
        if found is None:
            self._settle(State.AWAY)
        return found

    async def _ask(self, pool: Pool, statement: str) -> Any | None:
        try:
            # The pool, too, has to give up: it waits for the end of what was cancelled.
            async with asyncio.timeout(ANSWER_S), pool.acquire(timeout=ANSWER_S) as connection:
                return await connection.fetchrow(_SQL[statement])
        except _FAILED:
            return None

    def _lag_s(self, replayed: int) -> tuple[float, bool]:
        """When the primary last answered, for how long had it had more than the standby has replayed?

        False beside it: for longer than anything is known of the primary, as when this process has just begun.
        """
        missing = [at for at, position in self._samples if position > replayed]
        return (self._samples[-1][0] - missing[0] if missing else 0.0), len(missing) < len(self._samples)

    def _settle(self, state: State, **facts: Any) -> None:
        if state is not self._state:
            log = _LOG.info if state is State.USED else _LOG.warning
            log("replica.changed", state=state.value, **facts)
        self._state = state
        for one in State:
            metrics.REPLICA_STATE.labels(one.value).set(one is state)

    async def read(self, how: str, statement: str, values: Sequence[Any], after: float) -> tuple[bool, Any]:
        """(whether the standby has it, what it found). `how`: "fetch", "fetchrow" or "fetchval"."""
        if not self.is_used or after == math.inf:
            metrics.REPLICA_READS.labels("not_used").inc()
            return False, None
        try:
            async with asyncio.timeout(READ_S):
                if after and not await self._has_replayed(int(after), WAIT_S):
                    metrics.REPLICA_READS.labels("behind").inc()
                    return False, None
                async with self._pool.acquire(timeout=READ_S) as connection:
                    # Asked again: the standby may have crashed since, and have come back with less.
                    if after and not await connection.fetchval(_SQL["replayed"], int(after)):
                        metrics.REPLICA_READS.labels("behind").inc()
                        return False, None
                    return True, await getattr(connection, how)(statement, *values)
        except postgres.UNAVAILABLE as exc:
            if not isinstance(exc, _OF_ONE_READ):
                self._settle(State.AWAY, error=repr(exc))
        except asyncpg.PostgresError as exc:  # a table that the last migration has made, and it has not replayed yet
            _LOG.warning("replica.refused", error=repr(exc))
        metrics.REPLICA_READS.labels("failed").inc()
        return False, None

    async def _has_replayed(self, position: int, within_s: float) -> bool:
        """Whether the standby replays so far within this time, and is in use. Who waits here holds no connection."""
        deadline = time.monotonic() + within_s
        while self._replayed_to < position:
            left_s = deadline - time.monotonic()
            if left_s <= 0 or not self.is_used:
                return False
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask_standby())
            done, _ = await asyncio.wait({self._asking}, timeout=left_s)
            for asked in done:
                asked.result()
        return True

    async def caught_up(self, connection: Connection | None = None) -> None:
        """Wait until the standby has all that is committed by now, or lags so far that nobody reads from it.

        For what sends readers here: an event that tells to read an asset must not find the asset as it was before.
        `connection`: the caller's to the primary, where it holds one.
        """
        if self.is_used:
            await self._has_replayed(await self.position(connection), MOST_LAG_S + 2 * EVERY_S)

    async def close(self) -> None:
        """End what asks, and the pool."""
        if self._asking is not None:
            await cancel_and_wait([self._asking])
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()


class Reads:
    """Reads as a pool does, from the standby or the primary. A row that the standby has not is asked of the primary."""

    def __init__(self, replica: Replica, after: float) -> None:
        self._replica = replica
        self._after = after

    async def fetch(self, statement: str, *values: Any) -> list[Any]:
        has_it, rows = await self._replica.read("fetch", statement, values, self._after)
        if has_it:
            metrics.REPLICA_READS.labels("replica").inc()
            return list(rows)
        return list(await self._replica.primary.fetch(statement, *values))

    async def fetchrow(self, statement: str, *values: Any) -> Any:
        return await self._one("fetchrow", statement, values)

    async def fetchval(self, statement: str, *values: Any) -> Any:
        return await self._one("fetchval", statement, values)

    async def _one(self, how: str, statement: str, values: Sequence[Any]) -> Any:
        has_it, found = await self._replica.read(how, statement, values, self._after)
        if has_it:
            metrics.REPLICA_READS.labels("missing" if found is None else "replica").inc()
        if found is None:
            return await getattr(self._replica.primary, how)(statement, *values)
        return found


@asynccontextmanager
async def opened(settings: Settings, primary: Pool) -> AsyncIterator[Replica | None]:
    """The standby of the settings, watched while the body runs; None without one. One that is away is no error."""
    if settings.database_replica_url is None:
        yield None
        return
    pool = await postgres.connect_replica(settings, settings.database_replica_url)
    replica = Replica(primary, pool)
    try:
        await replica.refresh()
        async with in_background(repeat_every(EVERY_S, replica.refresh, _refresh_failed)):
            yield replica
    finally:
        await replica.close()


def _refresh_failed(exc: Exception) -> None:
    _LOG.error("replica.refresh_failed", exc)
