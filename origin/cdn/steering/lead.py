"""The one origin that probes the CDNs and judges them for all; the others wait for its lock to expire.

In: pathways, Redis. Out: a verdict on the board every EVERY_S seconds. A new leader continues from the last verdict, so
a leader may die at any time. Without Redis there is no leader, nothing raises and nothing is probed.
"""

import asyncio
import time
from collections.abc import Callable

import aiohttp
from redis.asyncio import Redis
from redis.asyncio.lock import Lock
from redis.exceptions import LockError

from core.redis_client import REDIS_UNAVAILABLE
from core.telemetry.logs import Log
from origin.cdn.cdns import Cdn, Cdns
from origin.cdn.steering import board
from origin.cdn.steering.board import Verdict
from origin.cdn.steering.breaker import RULES, Breaker, Rules, step
from origin.cdn.steering.samples import Window

_LOG = Log("steering")
EVERY_S = 5.0
PROBE_TIMEOUT_S = 4.0
LOCK_S = 20.0
# A pathway that was full accepts sessions again below this share of its limit.
NOT_FULL_BELOW = 0.9


class Leader:
    """Tries to lead. `round` probes and judges once."""

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
        self._unreported: set[str] = set()  # pathways with a monthly limit and no report, logged already

    async def round(self) -> None:
        """Probe all CDNs and publish a verdict, if this origin leads. Never raises where Redis does not answer."""
        try:
            self.leads = await self._holds_lock()
            if self.leads:
                await self._probe_all()
                await self._judge(self._clock())
        except REDIS_UNAVAILABLE as exc:
            if self.leads:
                _LOG.warning("steer.not_judged", error=repr(exc))
            self.leads = False

    async def resign(self) -> None:
        """Release the lock, so that another origin may lead at once."""
        try:
            if self.leads:
                await self._lock.release()
        except REDIS_UNAVAILABLE:
            return  # the lock expires by itself
        finally:
            self.leads = False

    async def _holds_lock(self) -> bool:
        if self.leads:
            try:
                return bool(await self._lock.extend(LOCK_S, replace_ttl=True))
            except LockError:  # it expired, and another origin may hold it by now
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
        """Whether a pathway is at one of its limits. Without a report of this month its monthly limit does not act."""
        share = NOT_FULL_BELOW if was else 1.0
        limits = cdn.limits
        if limits.max_sessions is not None:
            sessions = await board.sessions(self._redis, cdn.id, now)
            if sessions >= share * limits.max_sessions:
                return True
        if limits.max_gb_per_month is None:
            return False
        delivered = await board.delivered(self._redis, cdn.id, now)
        if delivered is None:
            if cdn.id not in self._unreported:
                _LOG.warning("steer.usage_not_reported", pathway=cdn.id)
            self._unreported.add(cdn.id)
            return False
        self._unreported.discard(cdn.id)
        return delivered >= share * limits.max_gb_per_month * 1e9


async def probe(http: aiohttp.ClientSession, cdn: Cdn) -> bool:
    """Whether a CDN delivers the whole of its probe file within PROBE_TIMEOUT_S."""
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
