"""The backstop: every `reconcile_s`, by one process at a time, look for work that nobody was told of.

It hints at claimable steps, buries those that were interrupted too often, sweeps expired uploads, writes the events to
the log, and reports assets that nothing will move.
"""

import asyncio

from core import db, idempotency, outbox, revocations, sql, uploads
from core.db import Pool
from core.hints import Hints
from core.logs import Log
from core.model import StepKind
from core.settings import Settings
from workers import given_up

_LOG = Log("reconciler")
_EVENTS = Log("events")
_SQL = sql.load("steps")
HINTS_AT_ONCE = 16
MAX_INTERRUPTIONS = 20


async def reconcile(pool: Pool, hints: Hints) -> None:
    """One round. Does nothing while another process is at it."""
    async with pool.acquire() as connection, connection.transaction():
        if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('kadr.reconcile'))"):
            return
        for row in await connection.fetch(_SQL["exhausted"], MAX_INTERRUPTIONS):
            error = {"code": "interrupted", "message": f"interrupted {MAX_INTERRUPTIONS} times"}
            await connection.execute(_SQL["bury"], row["id"], error)
            why = given_up.dead_letter(deadly=False)
            await given_up.tell(connection, row["asset_id"], StepKind(row["kind"]), row["input"], why)
            _LOG.error("step.dead", step=row["id"], asset=row["asset_id"])
        await uploads.sweep(connection)
        await idempotency.forget_old(connection)
        await revocations.forget(connection)
        claimable = await connection.fetch(_SQL["claimable"], HINTS_AT_ONCE)
        stuck = [row["id"] for row in await connection.fetch(_SQL["stuck"])]
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


async def run(settings: Settings, pool: Pool, hints: Hints) -> None:
    """Rounds until cancelled."""
    while True:
        try:
            await reconcile(pool, hints)
            await log_events(pool)
        except db.UNAVAILABLE as exc:
            _LOG.warning("reconcile.failed", error=repr(exc))
        await asyncio.sleep(settings.reconcile_s)


async def once(settings: Settings) -> None:
    """One round, for `kadr reconcile`: workers do the same by themselves."""
    pool, hints = await db.connect(settings, require_repaired=True), Hints(settings)
    try:
        await reconcile(pool, hints)
        await log_events(pool)
    finally:
        await hints.close()
        await pool.close()
