"""What viewers did with the pictures they were shown, in memory until it is written: a report costs no query.

Every EVERY_S it is written to PostgreSQL, which counts each event once; what could not be written is kept, up to MOST
events, and tried again. A crash loses what is not written yet: counts, never playback. Then experiments whose batch is
over get their next one, by whichever origin is first.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice

import asyncpg

from core import db, experiments
from core.db import Pool
from core.experiments import Event, Seen, Standing
from core.logs import Log
from origin.impression_token import Impression
from thumbnails import clicks

_LOG = Log("clicks")
EVERY_S = 2.0
BATCH_S = 60.0
MOST = 50_000
AT_ONCE = 5_000  # events in one transaction
TURNS_AT_ONCE = 200
TIMEOUT_S = 10.0
SWEEP_EVERY_S = 3600.0
_GONE = (asyncpg.PostgresError, *db.UNAVAILABLE)


class Impressions:
    """Remembers what is reported until it is written."""

    def __init__(self, pool: Pool, *, most: int = MOST) -> None:
        self._pool = pool
        self._most = most
        self._seen: dict[tuple[str, str, Event], Seen] = {}
        self._gone = False
        self._sweep_due = time.monotonic() + SWEEP_EVERY_S

    def __len__(self) -> int:
        return len(self._seen)

    def reported(self, impression: Impression, event: Event) -> None:
        """What was clicked was shown. Beyond the most there is room for, it is not counted."""
        if event is Event.CLICKED:
            self.reported(impression, Event.SHOWN)
        key = impression.experiment_id, impression.id, event
        if len(self._seen) < self._most:
            self._seen[key] = Seen(
                experiment_id=impression.experiment_id,
                impression=impression.id,
                event=event,
                candidate=impression.candidate,
                batch=impression.batch,
                propensity=impression.propensity,
            )

    async def look(self, batch_s: float = BATCH_S) -> None:
        """Write what was reported, begin the batches that are due. Never raises where PostgreSQL is gone."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self.flush()
                await turn(self._pool, batch_s)
                if time.monotonic() > self._sweep_due:
                    self._sweep_due = time.monotonic() + SWEEP_EVERY_S
                    await experiments.sweep(self._pool)
            self._gone = False
        except _GONE as exc:
            if not self._gone:
                _LOG.warning("clicks.not_written", kept=len(self), error=repr(exc))
            self._gone = True

    async def flush(self) -> None:
        """What is not written stays: written twice it still counts once."""
        while some := dict(islice(self._seen.items(), AT_ONCE)):
            async with self._pool.acquire() as connection, connection.transaction():
                await experiments.count(connection, some.values())
            for key in some:
                del self._seen[key]


async def turn(pool: Pool, batch_s: float) -> None:
    """Each experiment that is due either stops or goes on with the shares that were earned."""
    for _ in range(TURNS_AT_ONCE):
        async with pool.acquire() as connection, connection.transaction():
            standing = await experiments.due(connection, batch_s)
            if standing is None or standing.experiment is None:
                return
            experiment = standing.experiment
            found = await asyncio.to_thread(_p_best, standing)
            won = clicks.winner(found, [arm.impressions for arm in experiment.arms])
            winner = None if won is None else experiment.arms[won].candidate
            if winner is not None and await experiments.stop(connection, standing, experiment.id, winner):
                _LOG.info("clicks.stopped", asset=standing.asset_id, experiment=experiment.id, winner=winner)
            else:
                await experiments.next_batch(connection, experiment.id, clicks.shares(found))


def _p_best(standing: Standing) -> tuple[float, ...]:
    from thumbnails.clicks_best import p_best  # 20 MB of numpy: for doors that have experiments

    arms = standing.experiment.arms if standing.experiment else ()
    return p_best([arm.rewards for arm in arms], [arm.impressions for arm in arms])


@asynccontextmanager
async def opened(pool: Pool) -> AsyncIterator[Impressions]:
    """Looks by itself, and once more at the end."""
    impressions = Impressions(pool)

    async def go_on() -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            try:
                await impressions.look()
            except Exception as exc:  # noqa: BLE001 - else counting would stop in silence
                _LOG.error("clicks.failed", exc)

    looking = asyncio.create_task(go_on())
    try:
        yield impressions
    finally:
        while not looking.done():
            looking.cancel()
            await asyncio.wait({looking}, timeout=0.5)
        await impressions.look()
