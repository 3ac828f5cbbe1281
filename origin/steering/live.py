"""Steering as one origin process knows it: in memory, so that a request costs a hash or two.

The board is read every EVERY_S seconds and what players reported is written to it. Redis gone: what was known last
holds for KEPT_S, then nothing is known and the order is the static one, that of weights and prices alone, which leaves
sessions where they are. Nothing here raises for a part that is gone.
"""

import asyncio
import dataclasses
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from redis.asyncio import Redis

from core.live import GONE
from core.logs import Log
from origin.cdns import Cdns
from origin.steering import board, lead, samples
from origin.steering.breaker import RULES, Rules
from origin.steering.cmcd import CmcdRefused, parse
from origin.steering.decide import NOTHING, Decision, Known, decide
from origin.steering.lead import Leader
from origin.steering.samples import Window

_LOG = Log("steering")
EVERY_S = 2.0
KEPT_S = 60.0
# Sessions remembered between two writes; more are counted by the other origins, or not.
MOST_SESSIONS = 20_000


class Steering:
    """Decides, and remembers what players tell until it is written."""

    def __init__(self, cdns: Cdns, redis: Redis, *, clock: Callable[[], float] = time.time) -> None:
        self.cdns = cdns
        self._clock = clock
        self._redis = redis
        self._known = NOTHING
        self._known_at = -math.inf
        self._redis_gone = False
        self._counted: defaultdict[str, Window] = defaultdict(Window)
        self._sessions: defaultdict[str, set[str]] = defaultdict(set)

    @property
    def known(self) -> Known:
        """What is known now: nothing if that was too long ago."""
        return self._known if time.monotonic() - self._known_at < KEPT_S else NOTHING

    def decide(self, session: str, *, region: str = "", current: str | None = None) -> Decision:
        return decide(session, self.cdns, self.known, region=region, current=current)

    def seen(self, session: str, pathway: str) -> None:
        """A session plays from a pathway."""
        if pathway in self.cdns.ids and len(self._sessions[pathway]) < MOST_SESSIONS:
            self._sessions[pathway].add(session)

    def reported(self, pathway: str, *, good: bool) -> None:
        """A player's word on a pathway."""
        if pathway in self.cdns.ids:
            old = self._counted[pathway]
            name = "reports_good" if good else "reports_bad"
            self._counted[pathway] = dataclasses.replace(old, **{name: getattr(old, name) + 1})

    def reported_throughput(self, pathway: str, throughput_bps: int) -> None:
        """Of a steering request, `_HLS_throughput`."""
        self.reported(pathway, good=samples.of_throughput(throughput_bps))

    def reported_cmcd(self, pathway: str, value: str) -> None:
        """Of a request for media, the decoded `CMCD` argument. What is no CMCD is passed over."""
        try:
            good = samples.of_cmcd(parse(value))
        except CmcdRefused:
            return
        if good is not None:
            self.reported(pathway, good=good)

    async def look(self) -> None:
        """Write what was reported, read what is known. Never raises for a part that is gone."""
        counted, sessions = dict(self._counted), dict(self._sessions)
        self._counted.clear()  # of a Redis that is gone, too: old samples would be taken for new ones
        self._sessions.clear()
        try:
            if counted or sessions:
                await board.add(self._redis, counted, sessions, self._clock())
            self._known, self._known_at = await board.known(self._redis), time.monotonic()
            self._redis_gone = False
        except GONE as exc:
            if not self._redis_gone:
                _LOG.warning("steer.redis_gone", error=repr(exc))
            self._redis_gone = True


@asynccontextmanager
async def opened(cdns: Cdns, redis: Redis, rules: Rules = RULES) -> AsyncIterator[Steering]:
    """Steering that looks once before it begins and then by itself. With a single pathway nothing is probed."""
    steering = Steering(cdns, redis)
    await steering.look()
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        leader = Leader(cdns, redis, http, rules=rules)
        going = [asyncio.create_task(_repeat(steering.look, EVERY_S))]
        if len(cdns.all) > 1:
            going.append(asyncio.create_task(_repeat(leader.round, lead.EVERY_S)))
        try:
            yield steering
        finally:
            await _end(going)
            await leader.resign()


async def _repeat(look: Callable[[], Awaitable[None]], every_s: float) -> None:
    """Now and every `every_s`; what nobody expected is logged and ends nothing."""
    while True:
        started = time.monotonic()
        try:
            await look()
        except Exception as exc:  # noqa: BLE001 - else steering would stop in silence
            _LOG.error("steer.failed", exc)
        await asyncio.sleep(max(0.1, every_s - (time.monotonic() - started)))


async def _end(tasks: list[asyncio.Task[None]]) -> None:
    """Cancel until they are done: redis-py waits with asyncio.wait_for, which before Python 3.12 loses a cancellation
    that comes in the moment it has what it waits for.
    """
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=0.5)
