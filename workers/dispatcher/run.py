"""The `kadr dispatcher` program: webhooks and the event bus, until SIGTERM or SIGINT.

It needs the database, and a way out to where events go. It reads no media and starts no program.
"""

import asyncio
import signal
from concurrent.futures import ThreadPoolExecutor

from core.concurrency import cancel_and_wait
from core.db import outbox, postgres, replica, webhook_endpoints
from core.db.postgres import Pool
from core.db.webhook_endpoints import Disabled
from core.settings import Settings
from core.telemetry import metrics, spans
from core.telemetry.logs import Log
from workers.dispatcher import event_bus
from workers.dispatcher.webhooks import Webhooks

_LOG = Log("dispatcher")
# Names at once. An endpoint that fails waits for one at most, until the C library gives up: for half a minute or so.
RESOLVERS = 1024


async def run(settings: Settings) -> None:
    """Deliver events until a signal. Raises ConfigError for settings that cannot be."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(RESOLVERS, thread_name_prefix="resolver"))
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    pool = await postgres.connect(settings, require_repaired=True)
    try:
        async with (
            spans.exported(settings, "dispatcher"),
            replica.opened(settings, pool) as standby,
            metrics.served(settings, lambda: _read_backlog(settings, pool)) as port,
        ):
            jobs = [loop.create_task(Webhooks(settings, pool, standby).run()), loop.create_task(stopping.wait())]
            if settings.nats_url is not None:
                jobs.append(loop.create_task(event_bus.run(settings, pool, standby)))
            metrics.begin_at_zero(metrics.WEBHOOKS_DISABLED, labels=[Disabled.GONE, Disabled.FAILING])
            _LOG.info("dispatcher.started", metrics_port=port)
            done, pending = await asyncio.wait(jobs, return_when=asyncio.FIRST_COMPLETED)
            await cancel_and_wait(pending)
            for job in done:
                job.result()
    finally:
        await pool.close()
    _LOG.info("dispatcher.stopped")


async def _read_backlog(settings: Settings, pool: Pool) -> None:
    """Set the gauges of what is due; they stay as they are while PostgreSQL is away."""
    try:
        if settings.nats_url is not None:
            metrics.EVENT_BUS_BEHIND.set(await outbox.behind_s(pool, event_bus.CONSUMER))
        due, oldest_s = await webhook_endpoints.backlog(pool)
    except postgres.UNAVAILABLE:
        return
    metrics.WEBHOOKS_DUE.set(due)
    metrics.OLDEST_WEBHOOK.set(oldest_s)
