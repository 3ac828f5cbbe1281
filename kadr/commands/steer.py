"""`kadr steer`: show and override which CDN players are steered to, and report what a CDN has delivered."""

import asyncio
import json
import math
import time

from core import redis_client
from core.errors import KadrError
from core.settings import Settings
from origin.cdn import cdn_file
from origin.cdn.steering import board


def run(settings: Settings, *, to: str | None, auto: bool, end: bool, resume: bool, delivered: str | None) -> int:
    """Apply the changes and print the resulting state as JSON; returns the exit code.

    `delivered` is `ID=GB`: what the usage report of the CDN says for this month so far. Raises KadrError for an unknown
    pathway and when Redis does not answer.
    """
    ids = cdn_file.load(settings.cdns, settings.origin_base).ids
    if to is not None and to not in ids:
        raise KadrError(f"unknown pathway {to!r}: KADR_CDNS has {', '.join(ids)}")
    report = None if delivered is None else _report(delivered, ids)
    return asyncio.run(_run(settings, ids, to=to, auto=auto, end=end, resume=resume, report=report))


def _report(text: str, ids: tuple[str, ...]) -> tuple[str, int]:
    """(pathway, bytes) of `ID=GB`. Raises KadrError for any other form and for an unknown pathway."""
    pathway, _, number = text.partition("=")
    try:
        gigabytes = float(number)
    except ValueError:
        gigabytes = math.nan
    if pathway not in ids or not (math.isfinite(gigabytes) and gigabytes >= 0):
        raise KadrError(f"--delivered {text}: must be ID=GB, as in {ids[0]}=1234.5; pathways are {', '.join(ids)}")
    return pathway, round(gigabytes * 1e9)


async def _run(
    settings: Settings,
    ids: tuple[str, ...],
    *,
    to: str | None,
    auto: bool,
    end: bool,
    resume: bool,
    report: tuple[str, int] | None,
) -> int:
    redis = redis_client.connect(settings)
    try:
        if to is not None or auto:
            await board.set_override(redis, to)
        if end or resume:
            await board.set_ended(redis, end)
        if report is not None:
            await board.set_delivered(redis, *report, time.time())
        delivered = {pathway: await board.delivered(redis, pathway, time.time()) for pathway in ids}
        known = await board.known(redis)
    except redis_client.REDIS_UNAVAILABLE as exc:
        raise KadrError(f"Redis does not answer; steering is controlled through it: {exc}") from exc
    finally:
        await redis.aclose()
    states = {pathway: condition.state.value for pathway, condition in known.conditions.items()}
    delivered_gb = {pathway: count / 1e9 for pathway, count in delivered.items() if count is not None}
    state = {"override": known.override, "ended": known.ended, "breakers": states, "delivered_gb": delivered_gb}
    print(json.dumps(state))
    return 0
