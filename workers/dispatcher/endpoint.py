"""Sends to one leased endpoint until nothing is due to it: a few at once, results written in groups.

Who holds the lease is the only one to send to this endpoint, so the order of an asset's events is kept in memory. What
a dispatcher that was killed had sent and not yet recorded is sent again: at least once.
"""

import asyncio
import random
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import aiohttp

from core.concurrency import cancel_and_wait, run_to_end
from core.db import postgres, webhook_deliveries, webhook_endpoints
from core.db.postgres import Connection, Pool
from core.db.replica import Replica
from core.db.webhook_deliveries import Attempt, DeliveryState, Due, Result
from core.db.webhook_endpoints import BLOCKS_FOR, DISABLE_AFTER_FAILURES, Disabled, Held, Leased, Look
from core.http.public_fetch import Guard, guarded_session, parse_networks
from core.settings import Settings
from core.telemetry import metrics
from core.telemetry.logs import Log
from core.tokens.sealed import CannotOpen
from workers.dispatcher import retries
from workers.dispatcher.queue import Queue
from workers.dispatcher.send import Sent, send

_LOG = Log("webhooks")
AT_ONCE = 4
KNOWN = 32  # deliveries in memory for one endpoint
READ_MORE_BELOW = 8
RECORD_AFTER_S = 0.2
RECORD_AT = 32
LOOK_AGAIN_S = 2.0  # while others are under way
HAND_BACK_S = 5.0
LONGEST_S = 60.0  # after which the lease is given up for whoever waits, and taken anew with the endpoint as it is then
LOCKED_PAUSE_S = 600.0  # where its secret cannot be opened


class OwnerSlots:
    """How many requests beyond the first one to each endpoint are under way for one owner."""

    def __init__(self, most: int) -> None:
        self.free = most


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sending:
    """A delivery that is under way. `borrowed`: it has one of the owner's slots."""

    due: Due
    borrowed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """An attempt that is over, and what is to be written of it."""

    sent: Sent
    result: Result


class EndpointSender:
    """Sends to one endpoint for as long as its lease is held. `slots`: what all endpoints of its owner share.

    With a replica an event is sent once what it tells can be read there: receivers read the asset again.
    """

    def __init__(
        self,
        settings: Settings,
        pool: Pool,
        leased: Leased,
        keys: Mapping[str, bytes],
        slots: OwnerSlots,
        replica: Replica | None = None,
    ) -> None:
        self._settings = settings
        self._pool = pool
        self._leased = leased
        self._keys = keys
        self._slots = slots
        self._guard = Guard(parse_networks(settings.webhook_networks, "KADR_WEBHOOK_NETWORKS"), tls_only=True)
        self._replica = replica
        self._queue = Queue()
        self._sending: dict[asyncio.Task[Sent], _Sending] = {}
        self._ended: list[_Ended] = []
        self._began = self._recorded_at = self._looked_at = time.monotonic()
        self._nothing_due: Look | None = None  # since then nothing was due that is not known
        self._failing = leased.failing
        self._stopping = False  # it was disabled, wants a pause, is away, has had its time, or is another's now

    async def run(self) -> None:
        """Send until nothing is due any more, then release the endpoint. Whatever goes wrong, its lease ends."""
        try:
            secrets = await webhook_endpoints.secrets_of(self._pool, self._leased.id, self._keys)
            async with guarded_session(self._guard, keep_alive=True) as session:
                await self._send_all(session, secrets)
        except CannotOpen as exc:
            _LOG.warning("webhook.locked", endpoint=self._leased.id, error=str(exc))
            async with self._pool.acquire() as connection:
                await webhook_endpoints.throttle(connection, self._leased.id, LOCKED_PAUSE_S)
        finally:
            await cancel_and_wait(list(self._sending))
            self._slots.free += sum(one.borrowed for one in self._sending.values())
            await run_to_end(self._hand_back())

    async def _send_all(self, session: aiohttp.ClientSession, secrets: list[str]) -> None:
        while True:
            self._stopping |= time.monotonic() - self._began >= LONGEST_S
            await self._read_more()
            self._start(session, secrets)
            if self._sending:
                await self._wait()
            elif await self._is_over():
                return
            if self._is_to_be_recorded():
                await self._record()

    async def _read_more(self) -> None:
        if self._stopping or self._queue.waiting >= READ_MORE_BELOW:
            return
        if self._nothing_due and self._sending and time.monotonic() - self._looked_at < LOOK_AGAIN_S:
            return
        self._looked_at = time.monotonic()
        await self._record()  # what failed holds up what is behind it in the database, too
        look = await webhook_endpoints.look(self._pool, self._leased)
        if look is None:
            self._stopping = True
        if look is None or self._stopping:
            return
        known = self._queue.known
        found = await webhook_deliveries.due(self._pool, self._leased.id, known, max(1, KNOWN - len(known)), look.at)
        self._nothing_due = None if found else look
        if found and self._replica is not None:
            await self._replica.caught_up()
        self._queue.add(found)

    def _start(self, session: aiohttp.ClientSession, secrets: list[str]) -> None:
        """The first request is the endpoint's own, so that no other endpoint can be in its way; more take turns."""
        # An endpoint that fails is tried with one event at a time, until it takes one.
        most = 1 if self._failing else AT_ONCE
        while not self._stopping and len(self._sending) < most and (not self._sending or self._slots.free):
            due = self._queue.take()
            if due is None:
                return
            borrowed = bool(self._sending)
            self._slots.free -= borrowed
            self._sending[asyncio.create_task(self._send(session, secrets, due))] = _Sending(due=due, borrowed=borrowed)

    async def _send(self, session: aiohttp.ClientSession, secrets: list[str], due: Due) -> Sent:
        now = datetime.now(UTC)
        try:
            return await send(
                session, self._guard, self._leased.url, secrets, due.event, self._settings.webhook_timeout_s
            )
        except Exception as exc:  # noqa: BLE001 - a fault of ours with one receiver counts as an attempt, and ends
            _LOG.error("webhook.not_sent", exc, endpoint=self._leased.id, event_id=due.event.id)
            return Sent(attempt=Attempt(at=now, duration_ms=0, status=None, error="internal", answer=""))

    async def _wait(self) -> None:
        """Until an attempt is over, or it is time to record those that are."""
        patience_s = RECORD_AFTER_S if self._ended else LOOK_AGAIN_S
        done, _ = await asyncio.wait(self._sending, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            one = self._sending.pop(task)
            self._slots.free += one.borrowed
            self._note(one.due, task.result())

    def _note(self, due: Due, sent: Sent) -> None:
        again_in_s = None
        if not sent.is_accepted:
            again_in_s = retries.pause_s(due.attempts + 1, self._settings.webhook_pauses_s, random.random())
        if sent.is_accepted:
            state = DeliveryState.DELIVERED
        else:
            state = DeliveryState.DEAD if again_in_s is None else DeliveryState.PENDING
        result = Result(delivery=due.delivery, state=state, again_in_s=again_in_s, attempt=sent.attempt)
        self._ended.append(_Ended(sent=sent, result=result))
        self._queue.ended(due, blocks=state is DeliveryState.PENDING and due.attempts + 1 < BLOCKS_FOR)
        self._failing = not sent.is_accepted
        self._stopping |= sent.is_gone or sent.is_away or sent.pause_s is not None
        metrics.WEBHOOK_ATTEMPTS.labels(sent.attempt.error or "delivered").inc()
        metrics.WEBHOOK_SECONDS.observe(sent.attempt.duration_ms / 1000)

    def _is_to_be_recorded(self) -> bool:
        if len(self._ended) >= RECORD_AT or not self._sending:
            return bool(self._ended)
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
        """Whether the endpoint takes events, is to be left alone for a while, or is to be disabled."""
        failed = [one.sent for one in self._ended if not one.sent.is_accepted]
        pauses = [sent.pause_s for sent in failed if sent.pause_s is not None]
        if any(sent.is_gone for sent in failed):
            await self._disable(connection, Disabled.GONE)
        elif len(failed) < len(self._ended):
            await webhook_endpoints.record_success(connection, self._leased.id)
        else:
            await webhook_endpoints.record_failures(connection, self._leased.id, len(failed))
            if self._has_failed_too_long(held, len(failed)):
                await self._disable(connection, Disabled.FAILING)
            if any(sent.is_away for sent in failed):
                pauses.append(retries.away_s(held.failures + len(failed)))
        if pauses:
            await webhook_endpoints.throttle(connection, self._leased.id, max(pauses))

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

    async def _is_over(self) -> bool:
        """Whether there is nothing more to send under this lease: it has been released, or is to be given up."""
        await self._record()
        if self._stopping:
            return True
        return self._nothing_due is not None and await webhook_endpoints.release(
            self._pool, self._leased, self._nothing_due
        )

    async def _hand_back(self) -> None:
        """Record what is known and end the lease, where that was not done, so that somebody goes on at once."""
        with suppress(*postgres.UNAVAILABLE):  # the lease then ends by itself
            async with asyncio.timeout(HAND_BACK_S):
                await self._record()
                await webhook_endpoints.give_up(self._pool, self._leased)
