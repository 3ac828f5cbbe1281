"""Listens for hints with arq and wakes the worker. No media work runs inside an arq job.

arq's worker dies when Redis goes away, so it runs in a loop that starts it again.
"""

import asyncio
from typing import Any

from arq.connections import RedisSettings
from arq.worker import Worker as ArqWorker
from arq.worker import func
from redis.exceptions import RedisError

from core import hints
from core.hints import queue_of
from core.settings import Settings
from core.step_kinds import SlotClass
from core.telemetry.logs import Log
from workers.engine.worker import Worker

_LOG = Log("listener")
RESTART_S = 1.0


async def listen(settings: Settings, worker: Worker, slots: SlotClass) -> None:
    """Wake `worker` for every hint on the queue of this class, until cancelled."""

    async def wake(ctx: dict[str, Any], step_id: str) -> None:
        worker.wake(slots)

    redis = RedisSettings.from_dsn(settings.redis_url.get_secret_value())
    redis.conn_retries = 0
    redis.conn_timeout = 2
    while True:
        listener = None
        try:
            listener = ArqWorker(
                functions=[func(wake, name=hints.JOB, keep_result=0, max_tries=1)],
                queue_name=queue_of(slots),
                redis_settings=redis,
                job_serializer=hints.serialize,
                job_deserializer=hints.deserialize,
                handle_signals=False,
                retry_jobs=False,
                keep_result=0,
                max_tries=1,
                poll_delay=0.2,  # for each class of slots; a worker wakes itself for the steps that follow its own
                max_jobs=16,
                job_timeout=10,
            )
            await listener.main()
        except (RedisError, OSError, TimeoutError) as exc:
            _LOG.warning("listener.lost", queue=queue_of(slots), error=repr(exc))
        finally:
            if listener is not None:
                await _close(listener)
        await asyncio.sleep(RESTART_S)


async def _close(listener: ArqWorker) -> None:
    try:
        async with asyncio.timeout(2):
            await listener.close()
    except (RedisError, OSError, TimeoutError):
        pass
