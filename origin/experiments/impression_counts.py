"""Events of poster experiments, collected in memory and written to PostgreSQL in batches: a report costs no query.

Every EVERY_S they are written; PostgreSQL counts each event once. Events that could not be written are held, up to
MAX_EVENTS, and written later. A crash loses those: counts, never playback. Then experiments whose batch has ended get
their next one, from whichever origin is first.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import islice

import asyncpg

from core.concurrency import in_background, repeat_every
from core.db import experiments, postgres
from core.db.experiments import Event, Seen, Standing
from core.db.postgres import Pool
from core.telemetry.logs import Log
from origin.experiments.impression_token import Impression
from thumbnails.experiments import assignment

_LOG = Log("clicks")
EVERY_S = 2.0
BATCH_S = 60.0
MAX_EVENTS = 50_000
EVENTS_PER_TRANSACTION = 5_000
EXPERIMENTS_PER_ROUND = 200
TIMEOUT_S = 10.0
SWEEP_EVERY_S = 3600.0
_UNAVAILABLE = (asyncpg.PostgresError, *postgres.UNAVAILABLE)


class Impressions:
    """The events that are not written yet."""

    def __init__(self, pool: Pool, *, max_events: int = MAX_EVENTS) -> None:
        self._pool = pool
        self._max_events = max_events
        self._events: dict[tuple[str, str, Event], Seen] = {}
        self._failing = False
        self._sweep_due = time.monotonic() + SWEEP_EVERY_S

    def __len__(self) -> int:
        return len(self._events)

    def reported(self, impression: Impression, event: Event) -> None:
        """Add an event; a click implies that the poster was shown. Dropped where `max_events` are waiting."""
        if event is Event.CLICKED:
            self.reported(impression, Event.SHOWN)
        key = impression.experiment_id, impression.id, event
        if len(self._events) < self._max_events:
            self._events[key] = Seen(
                experiment_id=impression.experiment_id,
                impression=impression.id,
                event=event,
                candidate=impression.candidate,
                batch=impression.batch,
                propensity=impression.propensity,
            )

    async def write(self, batch_s: float = BATCH_S) -> None:
        """Write the events and begin the batches that are due. Never raises where PostgreSQL does not answer."""
        try:
            async with asyncio.timeout(TIMEOUT_S):
                await self.flush()
                await advance_experiments(self._pool, batch_s)
                if time.monotonic() > self._sweep_due:
                    self._sweep_due = time.monotonic() + SWEEP_EVERY_S
                    await experiments.sweep(self._pool)
            self._failing = False
        except _UNAVAILABLE as exc:
            if not self._failing:
                _LOG.warning("clicks.not_written", waiting=len(self), error=repr(exc))
            self._failing = True

    async def flush(self) -> None:
        """Write all events. Those of a failed transaction stay: written twice they count once."""
        while batch := dict(islice(self._events.items(), EVENTS_PER_TRANSACTION)):
            async with self._pool.acquire() as connection, connection.transaction():
                await experiments.count(connection, batch.values())
            for key in batch:
                del self._events[key]


async def advance_experiments(pool: Pool, batch_s: float) -> None:
    """End each experiment that is due and has a winner; give every other its next batch, with new shares.

    `batch_s` is the length of a batch in seconds.
    """
    for _ in range(EXPERIMENTS_PER_ROUND):
        async with pool.acquire() as connection, connection.transaction():
            standing = await experiments.due(connection, batch_s)
            if standing is None or standing.experiment is None:
                return
            experiment = standing.experiment
            probabilities = await asyncio.to_thread(_p_best, standing)
            best = assignment.winner(probabilities, [arm.impressions for arm in experiment.arms])
            winner = None if best is None else experiment.arms[best].candidate
            if winner is not None and await experiments.stop(connection, standing, experiment.id, winner):
                _LOG.info("clicks.stopped", asset=standing.asset_id, experiment=experiment.id, winner=winner)
            else:
                await experiments.next_batch(connection, experiment.id, assignment.shares(probabilities))


def _p_best(standing: Standing) -> tuple[float, ...]:
    """The probability of each arm to be the best one."""
    from thumbnails.experiments.best_probability import p_best  # 20 MB of numpy: only for origins that have experiments

    arms = standing.experiment.arms if standing.experiment else ()
    return p_best([arm.rewards for arm in arms], [arm.impressions for arm in arms])


@asynccontextmanager
async def opened(pool: Pool) -> AsyncIterator[Impressions]:
    """Impressions that are written every EVERY_S, and once more at the end."""
    impressions = Impressions(pool)
    try:
        async with in_background(repeat_every(EVERY_S, impressions.write, _write_failed)):
            yield impressions
    finally:
        await impressions.write()


def _write_failed(exc: Exception) -> None:
    _LOG.error("clicks.write_failed", exc)
