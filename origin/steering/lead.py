"""The one origin that probes and judges for all; the others wait for its lock to end.

In: pathways, Redis. Out: a verdict on the board every EVERY_S seconds. Whoever holds the lock goes on from the verdict
of the one before, so a leader may die at any time. Redis gone: nobody leads, nothing raises, nothing is probed.
"""

import asyncio
import time
from collections.abc import Callable

import aiohttp
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from core.live import GONE
from core.logs import Log
from origin.cdns import Cdn, Cdns
from origin.steering import board
from origin.steering.board import Verdict
from origin.steering.breaker import RULES, Breaker, Rules, step
from origin.steering.samples import Window

_LOG = Log("steering")
EVERY_S = 5.0
PROBE_TIMEOUT_S = 4.0
LOCK_S = 20.0
# A pathway that was full takes sessions again below this part of its limit.
NOT_FULL_BELOW = 0.9


class Leader:
    """Tries to lead; `round` is one look at everything."""

    def __init__(
        self,
        cdns: Cdns,
        redis: Redis,
        http: aiohttp.ClientSession,
        *,
        rules: Rules = RULES,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._cdns = cdns
        self._redis = redis
        self._http = http
        self._rules = rules
        self._clock = clock
        self._lock: Lock = redis.lock(board.LEAD, timeout=LOCK_S, thread_local=False)
        self.leads = False

    async def round(self) -> None:
        """Never raises for a part that is gone."""
        try:
            self.leads = await self._holds_lock()
            if self.leads:
                await self._probe_all()
                await self._judge(self._clock())
        except GONE as exc:
            if self.leads:
                _LOG.warning("steer.not_judged", error=repr(exc))
            self.leads = False

    async def resign(self) -> None:
        """Another may lead at once."""
        try:
            if self.leads:
                await self._lock.release()
        except GONE:
            return  # it ends by itself
        finally:
            self.leads = False

    async def _holds_lock(self) -> bool:
        if self.leads:
            try:
                return bool(await self._lock.extend(LOCK_S, replace_ttl=True))
            except LockError:  # it ended, and may be another's by now
                self.leads = False
        return bool(await self._lock.acquire(blocking=False))

    async def _probe_all(self) -> None:
        probed = [cdn for cdn in self._cdns.all if cdn.probe_path is not None]
        answers = await asyncio.gather(*(probe(self._http, cdn) for cdn in probed))
        counted = {
            cdn.id: Window(probes_good=int(good), probes_bad=int(not good))
            for cdn, good in zip(probed, answers, strict=True)
        }
        await board.add(self._redis, counted, {}, self._clock())

    async def _judge(self, now: float) -> None:
        before = await board.verdict(self._redis)
        breakers, full = {}, set()
        for cdn in self._cdns.all:
            old = before.breakers.get(cdn.id, Breaker())
            seen = await board.window(self._redis, cdn.id, old.since, now)
            new = breakers[cdn.id] = step(old, seen, now, self._rules)
            if new.state is not old.state:
                _LOG.warning(
                    "steer.breaker",
                    pathway=cdn.id,
                    before=old.state,
                    after=new.state,
                    bad_share=round(seen.bad_share, 3),
                    weight=round(seen.weight, 1),
                )
            if await self._is_full(cdn, cdn.id in before.full, now):
                full.add(cdn.id)
        await board.set_verdict(self._redis, Verdict(breakers=breakers, full=frozenset(full)))

    async def _is_full(self, cdn: Cdn, was: bool, now: float) -> bool:
        part = NOT_FULL_BELOW if was else 1.0
        limits = cdn.limits
        if limits.max_sessions is not None:
            sessions = await board.sessions(self._redis, cdn.id, now)
            if sessions >= part * limits.max_sessions:
                return True
        if limits.max_gb_per_month is None:
            return False
        return await board.bytes_this_month(self._redis, cdn.id, now) >= part * limits.max_gb_per_month * 1e9


async def probe(http: aiohttp.ClientSession, cdn: Cdn) -> bool:
    """Whether a CDN gives the file its operator named, whole and in time."""
    try:
        async with (
            asyncio.timeout(PROBE_TIMEOUT_S),
            http.get(f"{cdn.base_url}{cdn.probe_path}", allow_redirects=False) as answer,
        ):
            async for _ in answer.content.iter_chunked(65536):
                pass
            return answer.status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        return False
