"""`kadr steer`: the operator's word on where players go. Without one the scores decide."""

import asyncio
import json

from core import live
from core.errors import KadrError
from core.settings import Settings
from origin import cdn_file
from origin.steering import board


def run(settings: Settings, *, to: str | None, auto: bool, end: bool, resume: bool) -> int:
    """Change what is asked for, and print what holds now. Raises KadrError where Redis is not there."""
    ids = cdn_file.load(settings.cdns, settings.origin_base).ids
    if to is not None and to not in ids:
        raise KadrError(f"there is no pathway {to!r}; there are {', '.join(ids)}")
    return asyncio.run(_run(settings, to=to, auto=auto, end=end, resume=resume))


async def _run(settings: Settings, *, to: str | None, auto: bool, end: bool, resume: bool) -> int:
    redis = live.connect(settings)
    try:
        if to is not None or auto:
            await board.set_override(redis, to)
        if end or resume:
            await board.set_ended(redis, end)
        known = await board.known(redis)
    except live.REDIS_UNAVAILABLE as exc:
        raise KadrError(f"Redis does not answer, which steering is told through: {exc}") from exc
    finally:
        await redis.aclose()
    states = {pathway: condition.state.value for pathway, condition in known.conditions.items()}
    print(json.dumps({"override": known.override, "ended": known.ended, "breakers": states}))
    return 0
