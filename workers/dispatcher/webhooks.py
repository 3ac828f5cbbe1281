"""Webhooks: from the outbox to what is owed to each endpoint, and from there to senders, one for each endpoint.

Endpoints are leased, not events: one dispatcher sends to an endpoint, and however slow that is, it delays no other.
"""

import asyncio
from collections import Counter, defaultdict
from contextlib import suppress

from core.concurrency import cancel_and_wait
from core.db import postgres, webhook_deliveries, webhook_endpoints
from core.db.postgres import Pool
from core.db.replica import Replica
from core.db.webhook_endpoints import Leased
from core.model import OwnerId
from core.settings import Settings
from core.telemetry.logs import Log
from workers.dispatcher.endpoint import EndpointSender
from workers.repeated import repeated

_LOG = Log("webhooks")
LOOK_S = 0.25
OWNER_AT_ONCE = 16  # requests to all endpoints of one owner, by one dispatcher
MOST_ENDPOINTS = 500  # to which one dispatcher sends at a time
CLAIM_AT_ONCE = 50


class Webhooks:
    """Fans events out and sends them, until cancelled; the leases are then handed back."""

    def __init__(self, settings: Settings, pool: Pool, replica: Replica | None = None) -> None:
        self._settings = settings
        self._replica = replica
        self._pool = pool
        self._keys = webhook_endpoints.sealing_keys(settings)
        self._wake = asyncio.Event()
        self._senders: dict[str, asyncio.Task[None]] = {}  # by the token of the lease
        self._slots: defaultdict[OwnerId, asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(OWNER_AT_ONCE))
        self._sending_for: Counter[OwnerId] = Counter()

    async def run(self) -> None:
        """Work until cancelled. While PostgreSQL is away nothing is lost, only late."""
        try:
            await asyncio.gather(
                repeated(_LOG, "fan_out", LOOK_S, self._fan_out),
                self._claim_again_and_again(),
                repeated(_LOG, "renew", self._settings.heartbeat_s, self._renew),
            )
        finally:
            await cancel_and_wait(list(self._senders.values()))

    async def _fan_out(self) -> None:
        """Everything that is in the outbox, in the order of its commit; by one dispatcher at a time."""
        while True:
            async with self._pool.acquire() as connection, connection.transaction():
                if not await connection.fetchval("SELECT pg_try_advisory_xact_lock(hashtext('kadr.fan_out'))"):
                    return
                events = await webhook_deliveries.fan_out(connection)
            if not events:
                return
            self._wake.set()

    async def _claim_again_and_again(self) -> None:
        while True:
            self._wake.clear()
            try:
                while await self._claim():
                    pass
            except postgres.UNAVAILABLE as exc:
                _LOG.warning("claim.failed", error=repr(exc))
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S * 2):
                    await self._wake.wait()

    async def _claim(self) -> bool:
        """Lease some endpoints and begin to send to them; whether there may be more."""
        most = min(CLAIM_AT_ONCE, MOST_ENDPOINTS - len(self._senders))
        if most <= 0:
            return False
        claimed = await webhook_endpoints.claim(self._pool, self._settings.lease_s, most)
        for leased in claimed:
            self._senders[leased.token] = asyncio.create_task(self._serve(leased))
        return len(claimed) == most

    async def _serve(self, leased: Leased) -> None:
        """Send to one endpoint. What goes wrong here ends its lease, and nothing else."""
        owner = leased.owner_id
        self._sending_for[owner] += 1
        try:
            slots = self._slots[owner]
            await EndpointSender(self._settings, self._pool, leased, self._keys, slots, self._replica).run()
        except postgres.UNAVAILABLE as exc:
            _LOG.warning("endpoint.failed", endpoint=leased.id, error=repr(exc))
        except Exception as exc:  # noqa: BLE001 - one endpoint must not end the program
            _LOG.error("endpoint.failed", exc, endpoint=leased.id)
        finally:
            self._senders.pop(leased.token, None)
            self._sending_for[owner] -= 1
            if not self._sending_for[owner]:
                del self._sending_for[owner]
                self._slots.pop(owner, None)
            self._wake.set()

    async def _renew(self) -> None:
        """Keep the leases; stop sending where one was lost."""
        held = list(self._senders)
        if not held:
            return
        kept = await webhook_endpoints.renew(self._pool, held, self._settings.lease_s)
        lost = [task for token in held if token not in kept and (task := self._senders.get(token))]
        await cancel_and_wait(lost)
