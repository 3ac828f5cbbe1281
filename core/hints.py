"""Hints that there may be work, as arq jobs. A lost hint costs at most one poll, so every failure here is only logged.

One queue per class of slots. A job carries a step id at most, as JSON: whoever can write to Redis can wake a worker,
not run code in it.
"""

import asyncio
import json
from typing import Any

from arq.connections import ArqRedis
from redis.asyncio import ConnectionPool
from redis.exceptions import RedisError

from core.model import StepKind
from core.settings import Settings
from core.step_kinds import TRAITS, SlotClass
from core.telemetry.logs import Log

_LOG = Log("hints")
JOB = "wake"


def queue_of(slots: SlotClass) -> str:
    """The name of the arq queue for hints about steps of this class."""
    return f"kadr:{slots.value}"


def serialize(job: dict[str, Any]) -> bytes:
    """An arq job as JSON, not as the pickle that arq writes by default."""
    return json.dumps(job, default=str).encode()


def deserialize(raw: bytes) -> dict[str, Any]:
    """The inverse of `serialize`. Raises ValueError for what is no JSON."""
    job: dict[str, Any] = json.loads(raw)
    return job


class Hints:
    """Sends hints. Connects when first used, so that a missing Redis stops nothing from starting."""

    def __init__(self, settings: Settings) -> None:
        self._redis = ArqRedis(
            ConnectionPool.from_url(settings.redis_url.get_secret_value(), socket_timeout=2, socket_connect_timeout=2),
            job_serializer=serialize,
            job_deserializer=deserialize,
        )

    async def send(self, step_id: str, kind: StepKind) -> None:
        """Wake some worker for this step; the same step is hinted once while the hint is unread."""
        queue = queue_of(TRAITS[kind].slots)
        try:
            async with asyncio.timeout(2):
                await self._redis.enqueue_job(JOB, step_id, _job_id=step_id, _queue_name=queue)
        except (RedisError, OSError, TimeoutError) as exc:
            _LOG.warning("hint.lost", step=step_id, error=repr(exc))

    async def ping(self) -> bool:
        """Whether Redis answers within two seconds."""
        try:
            async with asyncio.timeout(2):
                return bool(await self._redis.ping())
        except (RedisError, OSError, TimeoutError):
            return False

    async def close(self) -> None:
        """Close every connection to Redis."""
        await self._redis.aclose()
        await self._redis.connection_pool.disconnect()
