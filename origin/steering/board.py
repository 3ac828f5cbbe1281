"""What all origins share about pathways, in Redis: samples, what the leader concluded, the operator's word.

In: a client of core.live. Out: plain values. Every function raises one of core.live.GONE where Redis is not there;
`live` decides what that means. Everything but the operator's word expires by itself.

- kadr:steer:samples:{pathway}:{bucket}   hash of counts, one for BUCKET_S seconds
- kadr:steer:sessions:{pathway}:{period}  HyperLogLog of the sessions seen in a period
- kadr:steer:bytes:{pathway}:{month}      what was delivered, by whoever counts it
- kadr:steer:verdict                      breakers and full pathways, by the leader
- kadr:steer:override, kadr:steer:ended   the operator
- kadr:steer:lead                         who leads
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields

from redis.asyncio import Redis

from origin.steering.breaker import Breaker, State
from origin.steering.decide import Condition, Known
from origin.steering.samples import BUCKET_S, WINDOW_S, Window, buckets

_PREFIX = "kadr:steer"
_OVERRIDE, _ENDED, _VERDICT = f"{_PREFIX}:override", f"{_PREFIX}:ended", f"{_PREFIX}:verdict"
LEAD = f"{_PREFIX}:lead"
VERDICT_TTL_S = 60
SESSIONS_PERIOD_S = 600  # longer than any TTL, so that a running session is seen in each
_MONTH_S = 62 * 86400
_COUNTS = tuple(entry.name for entry in fields(Window))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the leader concluded."""

    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    full: frozenset[str] = frozenset()


async def set_override(redis: Redis, pathway: str | None) -> None:
    """Send everybody to `pathway` within one TTL; None lets the scores decide again. Lasts until it is changed."""
    if pathway is None:
        await redis.delete(_OVERRIDE)
    else:
        await redis.set(_OVERRIDE, pathway)


async def set_ended(redis: Redis, ended: bool) -> None:
    """Ended: players are told (410) never to ask again; they stay where they are."""
    if ended:
        await redis.set(_ENDED, "1")
    else:
        await redis.delete(_ENDED)


async def known(redis: Redis) -> Known:
    """All that a decision needs."""
    override, ended, text = await redis.mget(_OVERRIDE, _ENDED, _VERDICT)
    verdict = _verdict(text)
    conditions = {pathway: Condition(state=breaker.state) for pathway, breaker in verdict.breakers.items()}
    for pathway in verdict.full:
        state = conditions.get(pathway, Condition()).state
        conditions[pathway] = Condition(state=state, full=True)
    return Known(
        conditions=conditions,
        override=override.decode() if override else None,
        ended=bool(ended),
        fresh=text is not None,
    )


async def verdict(redis: Redis) -> Verdict:
    """The last one, the leader's before this one included; an empty one if that is long ago."""
    return _verdict(await redis.get(_VERDICT))


async def set_verdict(redis: Redis, found: Verdict) -> None:
    body = {"breakers": {pathway: asdict(breaker) for pathway, breaker in found.breakers.items()}}
    await redis.set(_VERDICT, json.dumps({**body, "full": sorted(found.full)}), ex=VERDICT_TTL_S)


def _verdict(text: bytes | None) -> Verdict:
    """What cannot be read is none: it may be of another version of ours, and is written anew in seconds."""
    try:
        body = json.loads(text or "{}")
        breakers = {
            str(pathway): Breaker(state=State(kept["state"]), since=float(kept["since"]))
            for pathway, kept in body.get("breakers", {}).items()
        }
        return Verdict(breakers=breakers, full=frozenset(map(str, body.get("full", []))))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Verdict()


async def add(redis: Redis, counted: Mapping[str, Window], sessions: Mapping[str, Iterable[str]], now: float) -> None:
    """Samples and sessions of the last seconds, by pathway."""
    pipe = redis.pipeline(transaction=False)
    for pathway, window in counted.items():
        key = f"{_PREFIX}:samples:{pathway}:{int(now // BUCKET_S)}"
        for name, count in asdict(window).items():
            if count:
                pipe.hincrby(key, name, count)
        pipe.expire(key, 2 * WINDOW_S)
    for pathway, seen in sessions.items():
        if names := list(seen):
            key = f"{_PREFIX}:sessions:{pathway}:{int(now // SESSIONS_PERIOD_S)}"
            pipe.pfadd(key, *names)
            pipe.expire(key, 2 * SESSIONS_PERIOD_S)
    await pipe.execute()


async def window(redis: Redis, pathway: str, since: float, now: float) -> Window:
    """What was seen of a pathway since `since`, at most WINDOW_S ago."""
    pipe = redis.pipeline(transaction=False)
    for number in buckets(since, now):
        pipe.hmget(f"{_PREFIX}:samples:{pathway}:{number}", list(_COUNTS))
    rows = await pipe.execute()
    sums = [sum(int(count or 0) for count in column) for column in zip(*rows, strict=True)] or [0] * len(_COUNTS)
    return Window(**dict(zip(_COUNTS, sums, strict=True)))


async def sessions(redis: Redis, pathway: str, now: float) -> int:
    """About how many sessions a pathway has: those of the period before, or of this one once they are more."""
    period = int(now // SESSIONS_PERIOD_S)
    pipe = redis.pipeline(transaction=False)
    for number in (period - 1, period):
        pipe.pfcount(f"{_PREFIX}:sessions:{pathway}:{number}")
    return max(int(count) for count in await pipe.execute())


async def add_bytes(redis: Redis, pathway: str, count_bytes: int, now: float) -> None:
    """Tell what a CDN has delivered: from its bills or logs, or from our own counting."""
    key = _bytes_key(pathway, now)
    pipe = redis.pipeline(transaction=False)
    pipe.incrby(key, count_bytes)
    pipe.expire(key, _MONTH_S)
    await pipe.execute()


async def bytes_this_month(redis: Redis, pathway: str, now: float) -> int:
    return int(await redis.get(_bytes_key(pathway, now)) or 0)


def _bytes_key(pathway: str, now: float) -> str:
    return f"{_PREFIX}:bytes:{pathway}:{time.strftime('%Y%m', time.gmtime(now))}"
