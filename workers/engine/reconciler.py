"""The backstop: every `reconcile_s`, by one process at a time, look for work that no hint has announced.

It hints at claimable steps, gives up those that were interrupted too often, sweeps expired uploads, forgets rows that
have expired, keeps the sitemap, writes the events to the log, and reports assets that nothing will move.
"""

import asyncio
from collections.abc import Awaitable, Callable

from core.db import (
    event_feed,
    idempotency,
    outbox,
    postgres,
    revocations,
    sign_in_links,
    sql,
    steps,
    studio_sessions,
    upload_tokens,
    uploads,
)
from core.db.postgres import Pool
from core.hints import Hints
from core.model import StepKind
from core.settings import Settings
from core.storage import s3
from core.telemetry import metrics
from core.telemetry.logs import Log
from seo.sites import sites_of
from workers.engine import failures, index_now, sitemap_keeper
from workers.engine.collector import Collector
from workers.repeated import repeated

_LOG = Log("reconciler")
_EVENTS = Log("events")
_SQL = sql.load("steps")
HINTS_AT_ONCE = 16
FORGET_EVERY_S = 600.0


async def reconcile(pool: Pool, hints: Hints) -> None:
    """One round. Returns at once while another process runs one."""
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('kadr.reconcile'))"):
            return
        cause = {"code": "interrupted", "message": f"interrupted {steps.MAX_INTERRUPTIONS} times"}
        for row in await connection.fetch(_SQL["dead_letter_exhausted"], steps.MAX_INTERRUPTIONS, cause):
            error = failures.out_of_attempts(crashed=False)
            kind = StepKind(row["kind"])
            await failures.record_failure(connection, row["asset_id"], kind, row["id"], row["input"], error)
            _LOG.error("step.dead", step=row["id"], kind=kind, asset=row["asset_id"])
        await uploads.sweep(connection)
        await idempotency.forget_old(connection)
        await revocations.forget(connection)
        for expiring in (studio_sessions, sign_in_links, upload_tokens):
            await expiring.forget_expired(connection)
        claimable = await connection.fetch(_SQL["claimable"], HINTS_AT_ONCE, steps.MAX_INTERRUPTIONS)
        stuck = [row["id"] for row in await connection.fetch(_SQL["stuck"])]
    metrics.STUCK.set(len(stuck))
    if stuck:
        _LOG.error("asset.stuck", assets=stuck)
    for row in claimable:
        await hints.send(row["id"], StepKind(row["kind"]))


async def log_events(pool: Pool) -> None:
    """The outbox's first consumer: every event as a JSON log line, at least once."""
    while True:
        async with pool.acquire() as connection, connection.transaction():
            events = await outbox.consume(connection, "log")
            for event in events:
                _EVENTS.info(event.type, **event.envelope())
        if not events:
            return


async def forget_old_events(pool: Pool) -> None:
    """Delete the events that are older than the feed goes back, with the deliveries of webhooks that they were."""
    forgotten = True
    while forgotten:
        async with pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('kadr.old_events'))"):
                return
            forgotten = await event_feed.forget_old(connection) > 0


async def run(settings: Settings, pool: Pool, hints: Hints) -> None:
    """A round every `reconcile_s` until cancelled. While PostgreSQL is away, rounds only fail."""

    # Each by itself: a million titles that are listed at once hold up nothing else.
    works: dict[str, tuple[float, Callable[[], Awaitable[object]]]] = {
        "reconcile": (settings.reconcile_s, lambda: reconcile(pool, hints)),
        "events": (settings.reconcile_s, lambda: log_events(pool)),
        "old_events": (FORGET_EVERY_S, lambda: forget_old_events(pool)),
        "sitemap": (settings.reconcile_s, lambda: sitemap_keeper.keep(pool, sites_of(settings))),
        "indexnow": (settings.indexnow_s, lambda: index_now.tell(settings, pool)),
    }
    await asyncio.gather(*(repeated(_LOG, name, every_s, work) for name, (every_s, work) in works.items()))


async def once(settings: Settings) -> None:
    """One round of this and of the collector, for `kadr reconcile`: workers do the same by themselves."""
    pool, hints = await postgres.connect(settings, require_repaired=True), Hints(settings)
    try:
        await reconcile(pool, hints)
        await sitemap_keeper.keep(pool, sites_of(settings))
        await log_events(pool)
        await forget_old_events(pool)
        async with s3.connect(settings) as storage:
            await Collector(settings=settings, pool=pool, storage=storage).round()
    finally:
        await hints.close()
        await pool.close()
