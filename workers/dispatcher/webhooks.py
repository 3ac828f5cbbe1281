"""Webhooks: from the outbox to what is pending for each endpoint, and from there to senders, one for each endpoint.

Endpoints are leased, not events: one dispatcher sends to an endpoint, and however slow that is, it delays no other.
"""

import asyncio
from collections import Counter
from contextlib import suppress

from core.concurrency import cancel_and_wait, gather_all
from core.db import postgres, webhook_deliveries, webhook_endpoints
from core.db.postgres import Pool
from core.db.replica import Replica
from core.db.webhook_endpoints import Leased
from core.model import OwnerId
from core.settings import Settings
from core.telemetry.logs import Log
from workers.dispatcher.endpoint import EndpointSender, OwnerSlots
from workers.repeated import repeated

_LOG = Log("webhooks")
LOOK_S = 0.25
OWNER_SLOTS = 16  # requests of one owner beyond the first to each endpoint, by one dispatcher
MAX_ENDPOINTS = 1000  # to which one dispatcher sends at a time
MAX_FAILING = MAX_ENDPOINTS // 2  # of them that have failed last
CLAIM_AT_ONCE = 50
CLEAN_S, CLEAN_AT_ONCE = 1.0, 2000


class Webhooks:
    """Fans events out and sends them, until cancelled; the leases are then handed back."""

    def __init__(self, settings: Settings, pool: Pool, replica: Replica | None = None) -> None:
        self._settings = settings
        self._replica = replica
        self._pool = pool
        self._keys = webhook_endpoints.sealing_keys(settings)
        self._wake = asyncio.Event()
        self._senders: dict[str, asyncio.Task[None]] = {}  # by the token of the lease
        self._failing: set[str] = set()  # those of them whose endpoint failed last, when it was leased
        self._slots: dict[OwnerId, OwnerSlots] = {}
        self._endpoints_of: Counter[OwnerId] = Counter()  # to which is sent

    async def run(self) -> None:
        """Work until cancelled. While PostgreSQL is away nothing is lost, only late."""
        try:
            await gather_all(
                repeated(_LOG, "fan_out", LOOK_S, self._fan_out),
                self._keep_claiming(),
                repeated(_LOG, "renew", self._settings.heartbeat_s, self._renew),
                repeated(_LOG, "clean", CLEAN_S, lambda: webhook_endpoints.clean(self._pool, CLEAN_AT_ONCE)),
            )
        finally:
            await cancel_and_wait(list(self._senders.values()))

    async def _fan_out(self) -> None:
        """Everything that is in the outbox, in the order of its commit; by one dispatcher at a time."""
        while True:
            async with self._pool.acquire() as connection, connection.transaction():
                events = await webhook_deliveries.fan_out(connection)
            if not events:
                return
            self._wake.set()

    async def _keep_claiming(self) -> None:
        while True:
            self._wake.clear()
            try:
                while await self._claim(failing=False):
                    pass
                await self._claim(failing=True)
            except postgres.UNAVAILABLE as exc:
                _LOG.warning("claim.failed", error=repr(exc))
            except Exception as exc:  # noqa: BLE001 - the loop goes on, whatever one round met
                _LOG.error("claim.failed", exc)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S * 2):
                    await self._wake.wait()

    async def _claim(self, *, failing: bool) -> bool:
        """Lease some endpoints and begin to send to them; whether there may be more."""
        free = MAX_ENDPOINTS - len(self._senders)
        if failing:
            free = min(free, MAX_FAILING - len(self._failing))
        most = min(CLAIM_AT_ONCE, free)
        if most <= 0:
            return False
        claimed = await webhook_endpoints.claim(self._pool, self._settings.lease_s, most, failing=failing)
        for leased in claimed:
            if leased.failing:
                self._failing.add(leased.token)
            self._senders[leased.token] = asyncio.create_task(self._serve(leased))
        return len(claimed) == most

    async def _serve(self, leased: Leased) -> None:
        """Send to one endpoint. What goes wrong here ends its lease, and nothing else."""
        owner = leased.owner_id
        slots = self._slots.setdefault(owner, OwnerSlots(OWNER_SLOTS))
        self._endpoints_of[owner] += 1
        try:
            await EndpointSender(self._settings, self._pool, leased, self._keys, slots, self._replica).run()
        except postgres.UNAVAILABLE as exc:
            _LOG.warning("endpoint.failed", endpoint=leased.id, error=repr(exc))
        except Exception as exc:  # noqa: BLE001 - one endpoint must not end the program
            _LOG.error("endpoint.failed", exc, endpoint=leased.id)
        finally:
            self._senders.pop(leased.token, None)
            self._failing.discard(leased.token)
            self._endpoints_of[owner] -= 1
            if not self._endpoints_of[owner]:
                del self._endpoints_of[owner], self._slots[owner]
            self._wake.set()

    async def _renew(self) -> None:
        """Keep the leases; stop sending where one was lost."""
        held = list(self._senders)
        if not held:
            return
        kept = await webhook_endpoints.renew(self._pool, held, self._settings.lease_s)
        lost = [task for token in held if token not in kept and (task := self._senders.get(token))]
        await cancel_and_wait(lost)
