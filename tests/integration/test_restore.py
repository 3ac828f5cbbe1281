"""The outbox after `pg_dump` and `pg_restore` into another cluster: every consumer goes on where it was."""

import asyncio
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from core.db import outbox, postgres, restore, sql
from core.db.postgres import Pool
from core.db.restore import DatabaseRestored
from core.event_types import AssetCreated
from core.model import OwnerId
from kadr.commands.migrate import check
from tests.clusters import START_S, Cluster, binary, cluster
from tests.waiting import until

OWNER = OwnerId("ow_test")
EVENTS = 3000


async def write(pool: Pool, count: int, name: str) -> list[str]:
    """Write events in transactions of their own; their titles, in order."""
    titles = [f"{name}.{number}" for number in range(count)]
    for title in titles:
        async with pool.acquire() as connection, connection.transaction():
            await outbox.add(connection, OWNER, "as_1", AssetCreated(title=title))
    await nothing_older_runs(pool)
    return titles


async def nothing_older_runs(pool: Pool) -> None:
    """The outbox holds events back while a transaction of the cluster runs that is older: of another test, say."""
    number = await pool.fetchval("SELECT pg_current_xact_id()::text::bigint")
    oldest = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    await until(lambda: pool.fetchval(oldest), lambda running: running > number)


async def write_inverted(pool: Pool, name: str) -> list[str]:
    """Two events whose transactions began in the opposite order of their positions; their titles, by transaction."""
    async with pool.acquire() as first, pool.acquire() as second, first.transaction(), second.transaction():
        await first.execute("SELECT pg_current_xact_id()")
        await outbox.add(second, OWNER, "as_1", AssetCreated(title=f"{name}.second"))
        await outbox.add(first, OWNER, "as_1", AssetCreated(title=f"{name}.first"))
    await nothing_older_runs(pool)
    return [f"{name}.first", f"{name}.second"]


async def consume(pool: Pool, consumer: str, at_most: int | None = None) -> list[str]:
    """The titles of all events that are there for a consumer, in order; `at_most`: its cursor goes no further."""
    titles: list[str] = []
    while at_most is None or len(titles) < at_most:
        async with pool.acquire() as connection, connection.transaction():
            events = await outbox.consume(connection, consumer)
            if at_most is not None and len(titles) + len(events) > at_most:
                events = events[: at_most - len(titles)]
                await connection.execute(
                    "UPDATE outbox_cursors SET (transaction, position) ="
                    " (SELECT transaction, position FROM events WHERE position = $2) WHERE consumer = $1",
                    consumer,
                    events[-1].position,
                )
        if not events:
            break
        titles += [event.payload["title"] for event in events]
    return titles


def dump_and_restore(source: Cluster, target: Cluster, file: Path) -> None:
    subprocess.run((binary("pg_dump"), "-Fc", "-f", str(file), source.url), check=True, timeout=START_S)
    subprocess.run((binary("pg_restore"), "-d", target.url, str(file)), check=True, timeout=START_S)


@dataclass(frozen=True, kw_only=True)
class Restored:
    """A cluster that a database was restored into, and which of its events each consumer had not consumed before."""

    target: Cluster
    unseen: dict[str, list[str]]


@pytest.fixture
def restored_into(tmp_path: Path) -> Iterator[Restored]:
    """3,000 events and four inverted ones; consumers at the end, in the middle of an inversion, half-way, and new."""
    with cluster(tmp_path / "old") as source, cluster(tmp_path / "new") as target:

        async def fill() -> dict[str, list[str]]:
            async with source.pool() as pool:
                await postgres.migrate(pool)
                await pool.execute("INSERT INTO owners (id, name) VALUES ($1, 'test')", OWNER)
                first = await write(pool, EVENTS // 2, "a")
                inverted = await write_inverted(pool, "b")
                last = await write(pool, EVENTS // 2, "c")
                everything = [*first, *inverted, *last]
                assert await consume(pool, "half", 1000) == first[:1000]
                assert await consume(pool, "inverted", len(first) + 1) == [*first, "b.first"]
                assert await consume(pool, "ahead") == everything
                return {
                    "ahead": [],
                    "inverted": everything[len(first) + 1 :],
                    "half": everything[1000:],
                    "new": everything,
                }

        unseen = asyncio.run(fill())
        dump_and_restore(source, target, tmp_path / "dump")
        yield Restored(target=target, unseen=unseen)


async def test_every_consumer_goes_on_where_it_was(restored_into: Restored, caplog: pytest.LogCaptureFixture) -> None:
    target = restored_into.target
    async with target.pool() as pool:
        before = await write(pool, 3, "unrepaired")  # by a program of an older release, say
        async with pool.acquire() as connection:
            with pytest.raises(DatabaseRestored, match="kadr migrate"):
                await restore.require_repaired(connection)
            with pytest.raises(DatabaseRestored):
                await outbox.consume(connection, "ahead")
        assert "kadr migrate" in str(await check(target.settings()))
        with pytest.raises(DatabaseRestored):
            await postgres.connect(target.settings(), require_repaired=True)
        with caplog.at_level(logging.WARNING):
            assert await postgres.migrate(pool) == []
        assert [record.message for record in caplog.records] == ["database.repaired", "database.moved"]
        after = await write(pool, 20, "after")
        for consumer, unseen in restored_into.unseen.items():
            assert await consume(pool, consumer) == [*unseen, *before, *after], consumer
            assert await consume(pool, consumer) == []
    caplog.clear()
    async with target.pool(require_repaired=True) as pool:
        assert await postgres.migrate(pool) == [], "and nothing is repaired twice"
        later = await write(pool, 2, "later")
        assert await consume(pool, "ahead") == later
    assert caplog.records == []


async def test_programs_refuse_to_start_over_an_unrepaired_database(restored_into: Restored) -> None:
    started = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kadr", "reconcile"),
        env={"PATH": os.environ["PATH"], "KADR_DATABASE_URL": restored_into.target.url},
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await asyncio.wait_for(started.communicate(), START_S)
    assert started.returncode == 2
    assert "run `kadr migrate`" in stderr.decode()


async def test_an_intact_database_is_left_alone(pool: Pool) -> None:
    await write(pool, 5, "x")
    assert len(await consume(pool, "one", 3)) == 3
    rows = await pool.fetch("SELECT transaction::text, position FROM events ORDER BY position")
    assert await postgres.migrate(pool) == []
    assert await pool.fetch("SELECT transaction::text, position FROM events ORDER BY position") == rows
    assert await consume(pool, "one") == ["x.3", "x.4"]


async def test_batches_are_read_from_the_index(pool: Pool) -> None:
    # Of transactions that ended long ago in any cluster: nearly all of them are still to be read.
    await pool.execute(
        "INSERT INTO events (transaction, id, owner_id, type, object_type, object_id, payload)"
        " SELECT (3 + n / 40)::text::xid8, 'ev_' || n, $1, 'x', 'asset', 'as_1', '{}'"
        " FROM generate_series(1, 20000) AS n",
        OWNER,
    )
    await pool.execute("ANALYZE events")
    statement = sql.load("outbox")["batch"].replace("$1", "'10'").replace("$2", "0")
    plan = "\n".join(row[0] for row in await pool.fetch(f"EXPLAIN {statement}"))
    assert "events_in_order" in plan
    assert "Sort" not in plan
    assert "Seq Scan" not in plan


async def test_transactions_are_ordered_as_numbers(pool: Pool) -> None:
    for transaction in (99, 10, 100, 9, 11):
        await pool.execute(
            "INSERT INTO events (transaction, id, owner_id, type, object_type, object_id, payload)"
            " VALUES ($1::text::xid8, 'ev_' || $1, $2, 'video.asset.created', 'asset', 'as_1',"
            " jsonb_build_object('title', $1::text))",
            str(transaction),
            OWNER,
        )
    assert await consume(pool, "one") == ["9", "10", "11", "99", "100"]
    assert await consume(pool, "one") == []


async def test_views_follow_their_file(pool: Pool) -> None:
    """A view that was changed or lost is made again by the next migration that has another text of it."""
    await pool.execute("DROP VIEW asset_view")
    await pool.execute("UPDATE database_facts SET value = 'older' WHERE name = 'views'")
    assert await postgres.migrate(pool) == []
    assert await pool.fetch("SELECT id, steps, tracks FROM asset_view") == []


async def test_a_role_without_privileges_may_check(pool: Pool) -> None:
    """`pg_control_system` is open to everybody, so that programs need no superuser."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("CREATE ROLE reader_of_facts")
        await connection.execute("GRANT SELECT ON events, outbox_cursors, database_facts TO reader_of_facts")
        await connection.execute("SET LOCAL ROLE reader_of_facts")
        await restore.require_repaired(connection)
        assert await connection.fetchval("SELECT current_user") == "reader_of_facts"
        await connection.execute("RESET ROLE")
        await connection.execute("DROP OWNED BY reader_of_facts")
        await connection.execute("DROP ROLE reader_of_facts")


async def test_a_database_without_tables_passes(pool: Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("CREATE SCHEMA bare")
        await connection.execute("SET search_path = bare")
        try:
            await restore.require_repaired(connection)
            assert await connection.fetchval("SELECT to_regclass('events')") is None
        finally:
            await connection.execute("RESET search_path")


async def test_a_migration_waits_for_one_of_another_release(pool: Pool) -> None:
    """The advisory lock has the name that every release takes."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('kadr.migrate'))")
        migrating = asyncio.ensure_future(postgres.migrate(pool))
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(migrating), 0.3)
    assert await asyncio.wait_for(migrating, 60) == []


async def test_a_check_before_the_first_migration_leaves_the_transaction_usable(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("CREATE SCHEMA before_migration")
        await connection.execute("SET LOCAL search_path = before_migration")
        await restore.require_repaired(connection)
        assert await connection.fetchval("SELECT 1") == 1
