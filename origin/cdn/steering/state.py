"""Steering as one origin process knows it: in memory, so that a request costs a hash or two.

Every EVERY_S seconds the board is read and players' reports are written to it. Without Redis the last known state holds
for KEPT_S; then the order is the static one, by weights and prices alone, which leaves sessions where they are. Nothing
here raises where Redis does not answer.
"""

import dataclasses
import math
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
from redis.asyncio import Redis

from core.concurrency import in_background, repeat_every
from core.redis_client import REDIS_UNAVAILABLE
from core.telemetry.logs import Log
from origin.cdn.cdns import Cdns
from origin.cdn.steering import board, lead, samples
from origin.cdn.steering.breaker import RULES, Rules
from origin.cdn.steering.cmcd import CmcdRefused, parse
from origin.cdn.steering.decide import NOTHING, Decision, Known, decide
from origin.cdn.steering.lead import Leader
from origin.cdn.steering.reporters import Reporters
from origin.cdn.steering.samples import Window

_LOG = Log("steering")
EVERY_S = 2.0
KEPT_S = 60.0
# Sessions held between two writes; beyond that they are counted by other origins, or not at all.
MAX_SESSIONS = 20_000
SESSIONS_PER_ADDRESS = 64  # of a school or an office; a CDN's limit of sessions is filled by many of them only


class Steering:
    """Decides the order of pathways, and collects players' reports until they are written."""

    def __init__(self, cdns: Cdns, redis: Redis, *, clock: Callable[[], float] = time.time) -> None:
        self.cdns = cdns
        self._clock = clock
        self._redis = redis
        self._known = NOTHING
        self._known_at = -math.inf
        self._redis_failing = False
        self._counted: defaultdict[str, Window] = defaultdict(Window)
        self._sessions: defaultdict[str, set[str]] = defaultdict(set)
        self._reporters = Reporters(samples.WINDOW_S)
        self._playing = Reporters(board.SESSIONS_PERIOD_S, SESSIONS_PER_ADDRESS)

    @property
    def known(self) -> Known:
        """The state of the pathways; the default one where it is older than KEPT_S."""
        return self._known if time.monotonic() - self._known_at < KEPT_S else NOTHING

    def decide(self, session: str, *, region: str = "", current: str | None = None) -> Decision:
        """The order for one session. `region` is the viewer's country; `current` the pathway it plays from now."""
        return decide(session, self.cdns, self.known, region=region, current=current)

    def seen(self, session: str, pathway: str, address: str) -> None:
        """Count a session as playing from a pathway: again and again, for a Redis that lost its data."""
        if pathway not in self.cdns.ids or len(self._sessions[pathway]) >= MAX_SESSIONS:
            return
        playing = self._playing
        if playing.admits(pathway, session, address, self._clock()) or playing.has_admitted(pathway, session):
            self._sessions[pathway].add(session)

    def counts(self, pathway: str, session: str, address: str) -> bool:
        """Whether a report of this session counts: each once in a window, and few of one address."""
        return self._reporters.admits(pathway, session, address, self._clock())

    def reported(self, pathway: str, *, good: bool) -> None:
        """Count one good or bad report of a player on a pathway."""
        if pathway in self.cdns.ids:
            old = self._counted[pathway]
            name = "reports_good" if good else "reports_bad"
            self._counted[pathway] = dataclasses.replace(old, **{name: getattr(old, name) + 1})

    def reported_throughput(self, pathway: str, throughput_bps: int) -> None:
        """Count `_HLS_throughput` of a steering request, in bits per second."""
        self.reported(pathway, good=samples.of_throughput(throughput_bps))

    def reported_cmcd(self, pathway: str, value: str, address: str) -> None:
        """Count the decoded `CMCD` argument of a request for media. Malformed CMCD is ignored.

        The token of a media path is that of all sessions of a minute: an address counts as one of them.
        """
        try:
            good = samples.of_cmcd(parse(value))
        except CmcdRefused:
            return
        if good is not None and self.counts(pathway, f"address:{address}", address):
            self.reported(pathway, good=good)

    async def look(self) -> None:
        """Write the reports and read the current state. Never raises where Redis does not answer."""
        counted, sessions = dict(self._counted), dict(self._sessions)
        self._counted.clear()  # also where writing fails: later, old samples would be taken for new ones
        self._sessions.clear()
        try:
            if counted or sessions:
                await board.add(self._redis, counted, sessions, self._clock())
            self._known, self._known_at = await board.known(self._redis), time.monotonic()
            self._redis_failing = False
        except REDIS_UNAVAILABLE as exc:
            if not self._redis_failing:
                _LOG.warning("steer.redis_failed", error=repr(exc))
            self._redis_failing = True


@asynccontextmanager
async def opened(cdns: Cdns, redis: Redis, rules: Rules = RULES) -> AsyncIterator[Steering]:
    """Steering that has read the board once, and then does so in the background. A single pathway is not probed."""
    steering = Steering(cdns, redis)
    await steering.look()
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()))
        leader = Leader(cdns, redis, http, rules=rules)
        stack.push_async_callback(leader.resign)
        loops = [repeat_every(EVERY_S, steering.look, _round_failed)]
        if len(cdns.all) > 1:
            loops.append(repeat_every(lead.EVERY_S, leader.round, _round_failed))
        await stack.enter_async_context(in_background(*loops))
        yield steering


def _round_failed(exc: Exception) -> None:
    _LOG.error("steer.round_failed", exc)
