"""A stream of NATS JetStream: a connection to it, and events that it acknowledges one by one.

In: settings and events. Out: messages in the stream. Raises Transient for whatever the other side does, and ConfigError
for settings that cannot be. A connection that ends is not resumed but replaced: what the library keeps for a server
that is to come back could overtake what is sent later. Importing this needs the package nats-py.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from nats.aio.client import Client
from nats.errors import Error
from nats.js.api import DiscardPolicy, RetentionPolicy, StorageType, StreamConfig
from nats.js.errors import NotFoundError

from core.db.outbox import Event
from core.errors import ConfigError, Transient
from core.settings import GIB, Settings
from workers.dispatcher.nats_credentials import Credentials

ANSWER_S = 5.0  # for each answer of the server
CLOSE_S = 2.0
# Of a stream that is made here. One that exists is left as it is.
MAX_AGE_S = 30 * 86_400
MAX_BYTES = GIB
# Within which the stream drops a message that it has already.
DUPLICATES_S = 10 * 60
_FAILED = (Error, OSError, TimeoutError)


class Stream:
    """The stream of the event bus, over one connection."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self._client = client
        self._jetstream = client.jetstream(timeout=ANSWER_S)
        self._name = settings.nats_stream
        self._prefix = settings.nats_subject_prefix

    @property
    def is_connected(self) -> bool:
        return self._client.is_connected

    async def ensure(self) -> None:
        """Make the stream where there is none of its name."""
        config = StreamConfig(
            name=self._name,
            description="Events of Kadr",
            subjects=[f"{self._prefix}.>"],
            retention=RetentionPolicy.LIMITS,
            discard=DiscardPolicy.OLD,
            storage=StorageType.FILE,
            max_age=MAX_AGE_S,
            max_bytes=MAX_BYTES,
            duplicate_window=DUPLICATES_S,
        )
        try:
            try:
                await self._jetstream.stream_info(self._name)
            except NotFoundError:
                await self._jetstream.add_stream(config)
        except _FAILED as exc:
            raise Transient(f"the stream {self._name} cannot be used: {exc!r}") from exc

    async def publish(self, event: Event) -> None:
        """Publish an event, and wait until the stream has stored it."""
        subject = f"{self._prefix}.{event.type}"
        try:
            await self._jetstream.publish(
                subject,
                event.body(),
                stream=self._name,
                headers={"Nats-Msg-Id": event.id, "Kadr-Owner": event.owner_id},
            )
        except _FAILED as exc:
            raise Transient(f"the stream {self._name} has not stored {subject}: {exc!r}") from exc


@asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Stream]:
    """The stream, made where it is missing, while the body runs."""
    told: list[Exception] = []

    async def on_error(exc: Exception) -> None:
        told.append(exc)

    client = Client()
    try:
        try:
            await client.connect(
                [f"{url.scheme}://{url.netloc.rpartition('@')[2]}" for url in _servers(settings)],
                name="kadr",
                allow_reconnect=False,
                max_reconnect_attempts=1,
                reconnect_time_wait=0,
                connect_timeout=int(ANSWER_S),
                error_cb=on_error,
                **_identity(settings),
            )
        except _FAILED as exc:
            raise Transient(f"NATS cannot be reached: {told[-1] if told else exc!r}") from exc
        stream = Stream(client, settings)
        await stream.ensure()
        yield stream
    finally:
        with suppress(*_FAILED):
            async with asyncio.timeout(CLOSE_S):
                await client.close()


def check(settings: Settings) -> None:
    """Raises ConfigError for settings with which no connection can be made."""
    _servers(settings)
    _identity(settings)


def _servers(settings: Settings) -> list[SplitResult]:
    """The servers of KADR_NATS_URL. Raises ConfigError, without the password, for what is no URL of one."""
    text = settings.nats_url.get_secret_value() if settings.nats_url else ""
    found = []
    for number, one in enumerate(filter(None, map(str.strip, text.split(","))), 1):
        try:
            url = urlsplit(one)
            is_server = url.scheme in ("nats", "tls") and url.hostname and url.port != 0 and url.path in ("", "/")
        except ValueError:
            is_server = False
        if not is_server:
            raise ConfigError(f"KADR_NATS_URL: server {number} is not of the form nats://user:password@host:4222")
        found.append(url)
    if not found:
        raise ConfigError("KADR_NATS_URL names no server")
    return found


def _identity(settings: Settings) -> dict[str, Any]:
    """By what the servers know us: the credentials file, else the user, or the token, of the first URL with one."""
    if settings.nats_credentials is not None:
        credentials = Credentials.read(settings.nats_credentials)
        return {"user_jwt_cb": credentials.token, "signature_cb": credentials.sign}
    for url in _servers(settings):
        if url.password is not None:
            return {"user": unquote(url.username or ""), "password": unquote(url.password)}
        if url.username:
            return {"token": unquote(url.username)}
    return {}
