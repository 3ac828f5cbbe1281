"""The event bus with a real NATS server: what is published, and that nothing is lost whoever is killed."""

import asyncio
import json
import logging
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import StreamConfig
from pydantic import SecretStr

from core.concurrency import cancel_and_wait
from core.db import event_feed, outbox
from core.db.postgres import Pool
from core.event_types import AssetCreated, TrackReady, UploadCreated
from core.settings import Settings
from tests import lone, nats, runs
from tests.checks import ROOT
from tests.database import OWNER
from tests.stack import Stack
from tests.waiting import until
from workers.dispatcher import event_bus
from workers.dispatcher.nats_credentials import Credentials

pytestmark = nats.needed
MANY = 700  # more than one batch
STREAM = "KADR_EVENTS"


@pytest.fixture
async def server_of(tmp_path: Path) -> AsyncIterator[Callable[..., nats.NatsServer]]:
    """Makes servers that a test starts; they end with it."""
    made: list[nats.NatsServer] = []

    def make(**options: Any) -> nats.NatsServer:
        made.append(nats.NatsServer(tmp_path / f"nats{len(made)}", **options))
        return made[-1]

    yield make
    for one in made:
        await one.kill()


@pytest.fixture
async def server(server_of: Callable[..., nats.NatsServer]) -> nats.NatsServer:
    made = server_of()
    await made.start()
    return made


@asynccontextmanager
async def running(pool: Pool, url: str, **settings: Any) -> AsyncIterator[None]:
    """The event bus of this process while the body runs."""
    task = asyncio.create_task(event_bus.run(Settings(nats_url=SecretStr(url), **settings), pool))
    try:
        yield
        assert not task.done()
    finally:
        await cancel_and_wait([task])


async def write(pool: Pool, count: int) -> list[str]:
    """Write so many events in one transaction; their ids, in order."""
    async with pool.acquire() as connection, connection.transaction():
        await outbox.add_all(connection, ((OWNER, "as_1", AssetCreated(title=str(n))) for n in range(count)))
    rows = await pool.fetch("SELECT id FROM events ORDER BY position DESC LIMIT $1", count)
    return [row["id"] for row in reversed(rows)]


async def all_of(pool: Pool, consumer: str, count: int) -> list[str]:
    """The ids of so many events, as another reader of the outbox gets them."""
    found: list[str] = []

    async def more() -> int:
        async with pool.acquire() as connection, connection.transaction():
            found.extend([event.id for event in await outbox.consume(connection, consumer)])
        return len(found)

    await until(more, lambda so_far: so_far >= count)
    return found


async def cursor(pool: Pool) -> int:
    return await pool.fetchval("SELECT max(position) FROM outbox_cursors WHERE consumer = 'bus'") or 0


def ids(messages: list[Msg]) -> list[str]:
    return [(message.headers or {})["Nats-Msg-Id"] for message in messages]


async def watch(client: Client, at: int, then: Callable[[], None]) -> list[Msg]:
    """Everything that is published from now on, whether a stream keeps it or not; `then` is called at so much of it."""
    seen: list[Msg] = []

    async def on_message(message: Msg) -> None:
        seen.append(message)
        if len(seen) == at:
            then()

    await client.subscribe("kadr.>", cb=on_message)
    await client.flush()
    return seen


async def ignore(_: Exception) -> None:
    """For a client whose server is killed."""


async def test_the_stream_has_what_the_feed_has(pool: Pool, server: nats.NatsServer) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await outbox.add(connection, OWNER, "as_1", AssetCreated(title="Übung"))
        await outbox.add(connection, OWNER, "up_1", UploadCreated(asset_id="as_1"))
    settings = {"nats_subject_prefix": "media.kadr", "nats_stream": "MEDIA"}
    async with running(pool, server.url, **settings), server.client() as client:
        jetstream = client.jetstream()
        await until(lambda: nats.count(jetstream, "MEDIA"), lambda stored: stored == 2)
        async with pool.acquire() as connection, connection.transaction():
            await outbox.add(connection, OWNER, "tr_1", TrackReady(asset_id="as_1"))
        await until(lambda: nats.count(jetstream, "MEDIA"), lambda stored: stored == 3)
        found = await nats.messages(jetstream, "MEDIA")
        feed = await event_feed.read(pool, OWNER, None, None, 10)
        assert [json.loads(message.data) for message in found] == [event.envelope() for event in feed.events]
        assert [message.subject for message in found] == [
            "media.kadr.video.asset.created",
            "media.kadr.video.upload.created",
            "media.kadr.video.track.ready",
        ]
        assert ids(found) == [event.id for event in feed.events]
        assert {(message.headers or {})["Kadr-Owner"] for message in found} == {OWNER}
        limits = (await jetstream.stream_info("MEDIA")).config
    assert limits.subjects == ["media.kadr.>"]
    assert (limits.max_age, limits.max_bytes, limits.duplicate_window) == (30 * 86_400, 1024**3, 600)


async def test_a_server_that_is_killed_in_the_middle_of_a_batch(pool: Pool, server: nats.NatsServer) -> None:
    written = await write(pool, MANY)
    async with server.client(allow_reconnect=False, error_cb=ignore) as client:
        seen = await watch(client, 100, lambda: server.send(signal.SIGKILL))
        async with running(pool, server.url):
            assert server.program is not None
            await asyncio.wait_for(server.program.wait(), 60)
            assert len(seen) < 500, "in the middle of the first batch"
            # NATS is away: whoever else reads the outbox goes on, with what was written before and what is written now.
            written += await write(pool, 1)
            assert await all_of(pool, "another", len(written)) == written
            assert await cursor(pool) < MANY
            await server.start()
            async with server.client() as again:
                jetstream = again.jetstream()
                await until(lambda: nats.count(jetstream), lambda stored: stored >= len(written))
                assert ids(await nats.messages(jetstream)) == written, "each once, in order"


async def test_a_publisher_that_is_killed_in_the_middle_of_a_batch(
    stack: Stack, pool: Pool, server: nats.NatsServer
) -> None:
    many = 4 * MANY  # several batches: whoever watches may be late
    written = await write(pool, many)
    name = await pool.fetchval("SELECT current_database()")
    url = urlsplit(stack.endpoints["database_url"])._replace(path=f"/{name}").geturl()
    env = {"KADR_DATABASE_URL": url, "KADR_NATS_URL": server.url}
    async with server.client() as client:
        # The server stops first, so that the publisher is in the middle of a batch when it is killed.
        seen = await watch(client, 100, lambda: server.send(signal.SIGSTOP))
        first = await lone.start("dispatcher", env=env)
        await until(lambda: asyncio.sleep(0, len(seen) >= 100))
        first.kill()
        await first.wait()
        server.send(signal.SIGCONT)
        assert await cursor(pool) < many
        second = await lone.start("dispatcher", env=env)
        jetstream = client.jetstream()
        await until(lambda: nats.count(jetstream), lambda stored: stored >= many)
        await until(lambda: cursor(pool), lambda position: position >= many)
        assert ids(await nats.messages(jetstream)) == written, "each once, in order"
        second.send_signal(signal.SIGTERM)
        assert await asyncio.wait_for(second.wait(), 60) == 0
        published = Counter(ids(seen))
    again = [one for one, times in published.items() if times > 1]
    assert again, "what the first had published, the second published under the same id"
    assert list(published) == written
    bodies = {(message.subject, message.data) for message in seen}
    assert len(bodies) == many, "and the same it was"


async def test_while_the_server_hangs_its_publisher_holds_up_nobody(pool: Pool, server: nats.NatsServer) -> None:
    """PostgreSQL holds back events from all readers while an older transaction with an id is open: it has none."""
    holder = (
        "SELECT a.backend_xid FROM pg_locks l JOIN pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND a.datname = current_database() AND a.state = 'idle in transaction'"
    )
    async with running(pool, server.url), server.client() as client:
        await write(pool, 1)
        await until(lambda: nats.count(client.jetstream()), lambda stored: stored == 1)
        server.send(signal.SIGSTOP)
        written = await write(pool, 1)
        held = await until(lambda: pool.fetchrow(holder))
        assert held["backend_xid"] is None
        server.send(signal.SIGCONT)
        await until(lambda: nats.count(client.jetstream()), lambda stored: stored == 2)
        assert ids(await nats.messages(client.jetstream()))[1:] == written


async def test_a_user_who_may_only_publish(pool: Pool, server_of: Callable[..., nats.NatsServer]) -> None:
    """To a stream that somebody else has made, which stays as it is."""
    allowed = '["kadr.>", "$JS.API.STREAM.INFO.KADR_EVENTS"]'
    server = server_of(
        config="authorization { users: ["
        f'{{user: kadr, password: "pa:s/s", permissions: {{publish: {allowed}, subscribe: "_INBOX.>"}}}},'
        '{user: admin, password: "admin"}] }'
    )
    await server.start()
    written = await write(pool, 1)
    async with server.client(user="admin", password="admin") as client:
        jetstream = client.jetstream()
        await jetstream.add_stream(StreamConfig(name=STREAM, subjects=["kadr.video.>"], max_age=3600))
        async with running(pool, f"nats://nobody.example:1,nats://kadr:pa%3As%2Fs@127.0.0.1:{server.port}"):
            await until(lambda: nats.count(jetstream), lambda stored: stored == 1)
        assert ids(await nats.messages(jetstream)) == written
        assert (await jetstream.stream_info(STREAM)).config.max_age == 3600


async def test_a_credentials_file(pool: Pool, server_of: Callable[..., nats.NatsServer], tmp_path: Path) -> None:
    config, credentials = nats.with_accounts()
    server, file = server_of(config=config), tmp_path / "kadr.creds"
    file.write_text(credentials)
    await server.start()
    written = await write(pool, 1)
    user = Credentials.read(file)
    async with (
        running(pool, server.url, nats_credentials=file),
        server.client(user_jwt_cb=user.token, signature_cb=user.sign) as client,
    ):
        await until(lambda: nats.count(client.jetstream()), lambda stored: stored == 1)
        assert ids(await nats.messages(client.jetstream())) == written


@pytest.mark.parametrize(
    ("options", "password", "told"),
    [
        ({"jetstream": False}, "", "stream"),
        ({"config": 'authorization { user: kadr, password: "one" }'}, "kadr:another@", "Authorization"),
        ({}, "", "NoStreamResponse"),
    ],
    ids=["without JetStream", "another password", "a stream of other subjects"],
)
async def test_what_the_server_refuses_is_told_and_kept(
    pool: Pool,
    server_of: Callable[..., nats.NatsServer],
    caplog: pytest.LogCaptureFixture,
    options: dict[str, Any],
    password: str,
    told: str,
) -> None:
    server = server_of(**options)
    await server.start()
    if not options:
        async with server.client() as client:
            await client.jetstream().add_stream(StreamConfig(name=STREAM, subjects=["other.>"]))
    await write(pool, 1)

    async def warnings() -> list[str]:
        records = [record for record in caplog.records if record.message == "event_bus.failed"]
        assert {record.levelno for record in records} <= {logging.WARNING}
        return [str(getattr(record, "kadr_fields", {})["error"]) for record in records]

    async with running(pool, f"nats://{password}127.0.0.1:{server.port}"):
        errors = await until(warnings)
    assert told in errors[0]
    assert "another@" not in errors[0]
    assert await cursor(pool) == 0


async def test_the_consumer_of_the_documentation(pool: Pool, server: nats.NatsServer) -> None:
    text = (ROOT / "docs" / "events.md").read_text().rpartition("```python\n")[2].partition("```")[0]
    assert "nats://127.0.0.1:4222" in text
    await write(pool, 3)
    async with running(pool, server.url), server.client() as client:
        await until(lambda: nats.count(client.jetstream()), lambda stored: stored == 3)
        consumer = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", text.replace("nats://127.0.0.1:4222", server.url)), stdout=asyncio.subprocess.PIPE
        )
        assert consumer.stdout is not None
        try:
            for _ in range(3):
                line = await asyncio.wait_for(consumer.stdout.readline(), 60 * runs.patience())
                assert line == b"video.asset.created as_1\n"
            jetstream = client.jetstream()
            await until(lambda: jetstream.consumer_info(STREAM, "shop"), lambda found: found.num_ack_pending == 0)
        finally:
            consumer.kill()
            await consumer.wait()
