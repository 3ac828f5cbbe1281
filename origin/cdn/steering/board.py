"""What all origins share about pathways, in Redis: samples, the leader's verdict, the operator's override and reports.

In: a client of core.redis_client. Out: plain values. Every function raises one of core.redis_client.REDIS_UNAVAILABLE
where Redis does not answer; `live` decides what that means. Everything but override and end expires by itself.

- kadr:steer:samples:{pathway}:{bucket}   hash of counts, one for BUCKET_S seconds
- kadr:steer:sessions:{pathway}:{period}  HyperLogLog of the sessions seen in a period
- kadr:steer:bytes:{pathway}:{month}      bytes a CDN delivered in a month (UTC), as the operator reports them
- kadr:steer:verdict                      breakers and full pathways, by the leader
- kadr:steer:override, kadr:steer:ended   set by the operator
- kadr:steer:lead                         the leader's lock
"""

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields

from redis.asyncio import Redis

from origin.cdn.steering.breaker import Breaker, State
from origin.cdn.steering.decide import Condition, Known
from origin.cdn.steering.samples import BUCKET_S, WINDOW_S, Window, buckets

_PREFIX = "kadr:steer"
_OVERRIDE, _ENDED, _VERDICT = f"{_PREFIX}:override", f"{_PREFIX}:ended", f"{_PREFIX}:verdict"
LEAD = f"{_PREFIX}:lead"
VERDICT_TTL_S = 60
SESSIONS_PERIOD_S = 600  # longer than any TTL, so that a running session is seen in each
_MONTH_S = 62 * 86400
_COUNTS = tuple(entry.name for entry in fields(Window))


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The leader's conclusion: the breaker of each pathway, and the pathways that are at a limit."""

    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    full: frozenset[str] = frozenset()


async def set_override(redis: Redis, pathway: str | None) -> None:
    """Send all players to `pathway` within one TTL; None lets the scores decide again. Lasts until it is changed."""
    if pathway is None:
        await redis.delete(_OVERRIDE)
    else:
        await redis.set(_OVERRIDE, pathway)


async def set_ended(redis: Redis, ended: bool) -> None:
    """End steering: players get 410, never request it again, and stay on their pathway. False resumes it."""
    if ended:
        await redis.set(_ENDED, "1")
    else:
        await redis.delete(_ENDED)


async def known(redis: Redis) -> Known:
    """What `decide` needs to know: override, end, breakers and limits."""
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
    """The last verdict, also of an earlier leader; an empty one after VERDICT_TTL_S without one."""
    return _verdict(await redis.get(_VERDICT))


async def set_verdict(redis: Redis, verdict: Verdict) -> None:
    """Publish the leader's verdict for VERDICT_TTL_S seconds."""
    body = {"breakers": {pathway: asdict(breaker) for pathway, breaker in verdict.breakers.items()}}
    await redis.set(_VERDICT, json.dumps({**body, "full": sorted(verdict.full)}), ex=VERDICT_TTL_S)


def _verdict(text: bytes | None) -> Verdict:
    """Parse a verdict; an empty one for text of another form, which another version of Kadr may have written."""
    try:
        body = json.loads(text or "{}")
        breakers = {
            str(pathway): Breaker(state=State(breaker["state"]), since=float(breaker["since"]))
            for pathway, breaker in body.get("breakers", {}).items()
        }
        return Verdict(breakers=breakers, full=frozenset(map(str, body.get("full", []))))
    except (ValueError, TypeError, KeyError, AttributeError):
        return Verdict()


async def add(redis: Redis, counted: Mapping[str, Window], sessions: Mapping[str, Iterable[str]], now: float) -> None:
    """Add samples and session ids of the last seconds, by pathway. `now` is in Unix seconds."""
    pipe = redis.pipeline(transaction=False)
    for pathway, window in counted.items():
        key = f"{_PREFIX}:samples:{pathway}:{int(now // BUCKET_S)}"
        for name, count in asdict(window).items():
            if count:
                pipe.hincrby(key, name, count)
        pipe.expire(key, 2 * WINDOW_S)
    for pathway, ids in sessions.items():
        if names := list(ids):
            key = f"{_PREFIX}:sessions:{pathway}:{int(now // SESSIONS_PERIOD_S)}"
            pipe.pfadd(key, *names)
            pipe.expire(key, 2 * SESSIONS_PERIOD_S)
    await pipe.execute()


async def window(redis: Redis, pathway: str, since: float, now: float) -> Window:
    """The samples of a pathway since `since`, at most of the last WINDOW_S. Times in Unix seconds."""
    pipe = redis.pipeline(transaction=False)
    for number in buckets(since, now):
        pipe.hmget(f"{_PREFIX}:samples:{pathway}:{number}", list(_COUNTS))
    rows = await pipe.execute()
    sums = [sum(int(count or 0) for count in column) for column in zip(*rows, strict=True)] or [0] * len(_COUNTS)
    return Window(**dict(zip(_COUNTS, sums, strict=True)))


async def sessions(redis: Redis, pathway: str, now: float) -> int:
    """About how many sessions a pathway has: those of the last full period, or of this one once they are more."""
    period = int(now // SESSIONS_PERIOD_S)
    pipe = redis.pipeline(transaction=False)
    for number in (period - 1, period):
        pipe.pfcount(f"{_PREFIX}:sessions:{pathway}:{number}")
    return max(int(count) for count in await pipe.execute())


async def set_delivered(redis: Redis, pathway: str, count_bytes: int, now: float) -> None:
    """Report what a CDN has delivered in this month so far. Only its own usage report knows: viewers read from it."""
    await redis.set(_bytes_key(pathway, now), count_bytes, ex=_MONTH_S)


async def delivered(redis: Redis, pathway: str, now: float) -> int | None:
    """The bytes reported for this month; None where nothing was reported."""
    count_bytes = await redis.get(_bytes_key(pathway, now))
    return None if count_bytes is None else int(count_bytes)


def _bytes_key(pathway: str, now: float) -> str:
    return f"{_PREFIX}:bytes:{pathway}:{time.strftime('%Y%m', time.gmtime(now))}"
