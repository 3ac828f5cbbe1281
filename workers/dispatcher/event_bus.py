"""The event bus: every event of the outbox to a stream of NATS JetStream, in order and at least once.

The cursor moves only past events that JetStream has acknowledged. One message is under way at a time, so that none
overtakes another; what was published and not noted is published again under the same Nats-Msg-Id, and JetStream drops
it. While NATS is away nothing is lost, and no other reader of the outbox waits.
"""

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.db import outbox
from core.db.outbox import Event
from core.db.postgres import Pool
from core.db.replica import Replica
from core.errors import ConfigError, Transient
from core.settings import Settings
from core.telemetry.logs import Log
from workers.repeated import repeated

if TYPE_CHECKING:
    from workers.dispatcher.jetstream import Stream

_LOG = Log("event_bus")
CONSUMER = "bus"
LOOK_S = 0.25
AGAIN_S = 2.0  # between attempts to connect


async def run(settings: Settings, pool: Pool, replica: Replica | None = None) -> None:
    """Publish until cancelled. Raises ConfigError for settings that cannot be, or where nats-py is not installed."""
    try:
        from workers.dispatcher import jetstream
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"KADR_NATS_URL is set, but nats-py is not installed ({exc}): install kadr[nats], or unset it"
        ) from exc
    jetstream.check(settings)

    async def session() -> None:
        async with jetstream.connected(settings) as stream:
            _LOG.info("event_bus.connected", stream=settings.nats_stream)
            while stream.is_connected:
                if not await _hand_on(pool, stream, replica):
                    await asyncio.sleep(LOOK_S)
        raise Transient("NATS has ended the connection")

    await repeated(_LOG, "event_bus", AGAIN_S, session)


async def _hand_on(pool: Pool, stream: "Stream", replica: Replica | None) -> bool:
    """Publish the next events and note how far that went; whether there were any. Raises Transient where it failed."""
    async with pool.acquire() as connection, connection.transaction():
        events = await outbox.ahead(connection, CONSUMER)
        if events and replica is not None:  # who hears of an event may read the asset there
            await replica.caught_up(connection)
        stored, failure = await _publish(stream, events)
        if stored:
            await outbox.advance(connection, CONSUMER, stored[-1])
    if failure is not None:
        raise failure
    return bool(events)


async def _publish(stream: "Stream", events: Sequence[Event]) -> tuple[Sequence[Event], Transient | None]:
    """Publish one after the other; those that the stream has acknowledged, and what went wrong with the next one."""
    for number, event in enumerate(events):
        try:
            await stream.publish(event)
        except Transient as exc:
            return events[:number], exc
    return events, None
