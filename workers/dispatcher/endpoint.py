"""Sends to one leased endpoint until nothing is due to it: a few at once, results written in groups.

Who holds the lease is the only one to send to this endpoint, so the order of an asset's events is kept in memory. What
a dispatcher that was killed had sent and not yet recorded is sent again: at least once.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp

from core.concurrency import cancel_and_wait, run_to_end
from core.db import postgres, webhook_deliveries, webhook_endpoints
from core.db.postgres import Connection, Pool
from core.db.webhook_deliveries import DeliveryState, Due, Result
from core.db.webhook_endpoints import BLOCKS_FOR, DISABLE_AFTER_FAILURES, Disabled, Held, Leased
from core.http.public_fetch import Guard, guarded_session, parse_networks
from core.settings import Settings
from core.telemetry import metrics
from core.telemetry.logs import Log
from workers.dispatcher import retries
from workers.dispatcher.queue import Queue
from workers.dispatcher.send import Sent, send

_LOG = Log("webhooks")
AT_ONCE = 4
KNOWN = 64  # deliveries in memory for one endpoint
READ_MORE_BELOW = 16
RECORD_AFTER_S = 0.2
RECORD_AT = 32
HAND_BACK_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """A delivery and how its attempt ended."""

    due: Due
    sent: Sent
    result: Result


class EndpointSender:
    """Sends to one endpoint for as long as its lease is held. `owner_slots`: what all endpoints of its owner share."""

    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        leased: Leased,
        keys: Mapping[str, bytes],
        owner_slots: asyncio.Semaphore | None = None,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._leased = leased
        self._keys = keys
        self._owner_slots = owner_slots or nullcontext()
        self._guard = Guard(parse_networks(settings.webhook_networks, "KADR_WEBHOOK_NETWORKS"), tls_only=True)
        self._queue = Queue()
        self._ended: list[_Ended] = []
        self._recorded_at = time.monotonic()
        self._failing = leased.failing
        self._stopping = False  # the endpoint was disabled, asked for a pause, or is another dispatcher's now

    async def run(self) -> None:
        """Send until nothing is due any more, then release the endpoint."""
        secrets = await webhook_endpoints.secrets_of(self._pool, self._leased.id, self._keys)
        sending: dict[asyncio.Task[Sent], Due] = {}
        async with guarded_session(self._guard, keep_alive=True) as session:
            try:
                while True:
                    await self._read_more()
                    self._start(session, secrets, sending)
                    if not sending and await self._is_released():
                        return
                    await self._wait(sending)
                    if self._is_to_be_recorded(len(sending)):
                        await self._record()
            except asyncio.CancelledError:
                await cancel_and_wait(sending)
                await run_to_end(self._hand_back())
                raise
            finally:
                await cancel_and_wait(sending)

    async def _read_more(self) -> None:
        if self._stopping or self._queue.waiting >= READ_MORE_BELOW:
            return
        await self._record()  # what failed holds up what is behind it in the database, too
        if not self._stopping:
            known = self._queue.known
            self._queue.add(
                await webhook_deliveries.due(self._pool, self._leased.id, known, max(1, KNOWN - len(known)))
            )

    def _start(
        self, session: aiohttp.ClientSession, secrets: list[str], sending: dict[asyncio.Task[Sent], Due]
    ) -> None:
        # An endpoint that fails is tried with one event at a time, until it takes one.
        most = 1 if self._failing else AT_ONCE
        while not self._stopping and len(sending) < most and (due := self._queue.take()) is not None:
            sending[asyncio.create_task(self._send(session, secrets, due))] = due

    async def _send(self, session: aiohttp.ClientSession, secrets: list[str], due: Due) -> Sent:
        async with self._owner_slots:
            timeout_s = self._settings.webhook_timeout_s
            return await send(session, self._guard, self._leased.url, secrets, due.event, timeout_s)

    async def _wait(self, sending: dict[asyncio.Task[Sent], Due]) -> None:
        """Until an attempt is over, or it is time to record those that are."""
        if not sending:
            return
        patience_s = RECORD_AFTER_S if self._ended else None
        done, _ = await asyncio.wait(sending, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            due = sending.pop(task)
            self._note(due, task.result())

    def _note(self, due: Due, sent: Sent) -> None:
        now = datetime.now(UTC)
        again_at = None
        if not sent.is_taken:
            again_at = retries.next_attempt(now, due.attempts + 1, self._settings.webhook_pauses_s, random.random())
        state = DeliveryState.DELIVERED if sent.is_taken else DeliveryState.PENDING if again_at else DeliveryState.DEAD
        result = Result(delivery=due.delivery, state=state, due_at=again_at, attempt=sent.attempt)
        self._ended.append(_Ended(due=due, sent=sent, result=result))
        self._queue.ended(due, blocks=state is DeliveryState.PENDING and due.attempts + 1 < BLOCKS_FOR)
        self._failing = not sent.is_taken
        self._stopping |= sent.is_gone or sent.throttled_until is not None
        metrics.WEBHOOK_ATTEMPTS.labels(sent.attempt.error or "taken").inc()
        metrics.WEBHOOK_SECONDS.observe(sent.attempt.duration_ms / 1000)

    def _is_to_be_recorded(self, sending: int) -> bool:
        if len(self._ended) >= RECORD_AT or (self._ended and not sending):
            return True
        return bool(self._ended) and time.monotonic() - self._recorded_at >= RECORD_AFTER_S

    async def _record(self) -> None:
        """Write how attempts ended. Where the lease has ended nothing is: they are made again by whoever has it now."""
        self._recorded_at = time.monotonic()
        if not self._ended:
            return
        async with self._pool.acquire() as connection, connection.transaction():
            held = await webhook_endpoints.hold(connection, self._leased)
            if held is not None:
                await webhook_deliveries.record(connection, [one.result for one in self._ended])
                await self._record_health(connection, held)
        self._stopping |= held is None
        self._queue.recorded()
        self._ended.clear()

    async def _record_health(self, connection: Connection, held: Held) -> None:
        """Whether the endpoint takes events, wants a pause, or is to be disabled."""
        failed = [one.sent for one in self._ended if not one.sent.is_taken]
        if any(sent.is_gone for sent in failed):
            await self._disable(connection, Disabled.GONE)
        elif len(failed) < len(self._ended):
            await webhook_endpoints.note_success(connection, held.id)
        else:
            pauses = [sent.throttled_until for sent in failed if sent.throttled_until is not None]
            since = min(sent.attempt.at for sent in failed)
            await webhook_endpoints.note_failures(connection, held.id, since, len(failed), max(pauses, default=None))
            if self._has_failed_too_long(held, len(failed)):
                await self._disable(connection, Disabled.FAILING)

    def _has_failed_too_long(self, held: Held, more: int) -> bool:
        longest = timedelta(seconds=self._settings.webhook_disable_after_s)
        return (
            held.failing_for is not None
            and held.failing_for >= longest
            and held.failures + more >= DISABLE_AFTER_FAILURES
        )

    async def _disable(self, connection: Connection, reason: Disabled) -> None:
        await webhook_endpoints.disable(connection, self._leased.id, reason)
        self._stopping = True
        metrics.WEBHOOKS_DISABLED.labels(reason.value).inc()
        _LOG.warning("webhook.disabled", endpoint=self._leased.id, reason=reason.value)

    async def _hand_back(self) -> None:
        """Record what is known and end the lease, so that another dispatcher goes on at once."""
        self._stopping = True
        with suppress(*postgres.UNAVAILABLE):  # the lease then ends by itself
            async with asyncio.timeout(HAND_BACK_S):
                await self._is_released()

    async def _is_released(self) -> bool:
        """End the lease, where nothing is due that could be sent now."""
        await self._record()
        async with self._pool.acquire() as connection, connection.transaction():
            if await webhook_endpoints.hold(connection, self._leased) is None:
                return True
            due = await webhook_endpoints.release(connection, self._leased.id)
            if not due or self._stopping:
                return True
            # Owed since it was looked for: the lease goes on.
            await webhook_endpoints.keep(connection, self._leased, self._settings.lease_s)
        return False
