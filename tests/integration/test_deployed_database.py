"""The database as deploy/ makes it: a role without rights beyond its own database, what the programs wait for, and what
KEDA may ask.
"""

import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from core.db import postgres, steps
from core.db.postgres import Pool
from core.errors import KadrError
from core.model import StepKind, StepState
from core.step_kinds import TRAITS
from kadr.commands import migrate
from tests.checks import ROOT
from tests.clusters import Cluster, bare_cluster, binary
from tests.database import OWNER, new_asset, new_owner
from tests.manifests import overlay

SCRIPT = ROOT / "deploy" / "postgres" / "10-kadr.sh"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The database `kadr` that the script has made, as the role `kadr`: nothing has been migrated."""
    with bare_cluster(tmp_path_factory.mktemp("deployed") / "cluster", "postgres") as made:
        at = urlsplit(made.url)
        env = {
            "PATH": f"{Path(binary('psql')).parent}:{os.environ['PATH']}",
            **{"PGHOST": str(at.hostname), "PGPORT": str(at.port)},
            **{"POSTGRES_USER": "postgres", "POSTGRES_PASSWORD": "it's $HOME"},
        }
        subprocess.run((str(SCRIPT),), env=env, check=True, timeout=60)
        yield made.as_role("kadr")


@pytest.fixture(scope="module")
async def pool(empty: Cluster) -> AsyncIterator[Pool]:
    """The same, migrated by that role."""
    async with empty.pool() as connected:
        await postgres.migrate(connected)
        await connected.execute("INSERT INTO owners (id, name) VALUES ($1, 'test')", OWNER)
        yield connected


def checked(cluster: Cluster) -> "subprocess.CompletedProcess[str]":
    """`kadr migrate --check`, run."""
    env = {"PATH": os.environ["PATH"], "KADR_DATABASE_URL": cluster.url}
    argv = (sys.executable, "-m", "kadr", "migrate", "--check")
    return subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60)


async def test_programs_wait_until_the_database_is_migrated(empty: Cluster) -> None:
    before = checked(empty)
    assert before.returncode == 1
    assert "`kadr migrate` has not run yet" in before.stderr
    async with empty.pool() as connected:
        assert await connected.fetchval("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'") == 0
        await postgres.migrate(connected)
    after = checked(empty)
    assert (after.returncode, after.stdout) == (0, "")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("DELETE FROM migrations WHERE name = '0062_turns.sql'", "lacks 0062_turns.sql of this release"),
        ("UPDATE database_facts SET value = 'others' WHERE name = 'views'", "lacks views of this release"),
        ("DELETE FROM migrations", "and [0-9]+ more of this release"),
    ],
)
async def test_what_lacks_is_named(pool: Pool, change: str, sentence: str) -> None:
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(change)
        missing = await postgres.not_applied(_Only(connection))
        await transaction.rollback()
    assert re.search(sentence, str(migrate.missing_text(missing)))


class _Only:
    """A pool of one connection, so that what a transaction has changed can be seen and undone."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def acquire(self) -> "_Only":
        return self

    async def __aenter__(self) -> Any:
        return self._connection

    async def __aexit__(self, *_: object) -> None:
        pass


async def test_programs_go_on_beside_a_later_release(pool: Pool, empty: Cluster) -> None:
    """Its views may be others, too."""
    await pool.execute("INSERT INTO migrations (name) VALUES ('9999_later.sql')")
    was = await pool.fetchval("UPDATE database_facts SET value = 'later' WHERE name = 'views' RETURNING value")
    try:
        assert await migrate.check(empty.settings()) is None
    finally:
        await pool.execute("DELETE FROM migrations WHERE name = '9999_later.sql'")
        await pool.execute("UPDATE database_facts SET value = $1 WHERE name = 'views'", was)


async def test_no_database_is_one_sentence() -> None:
    with pytest.raises(KadrError, match="does not answer"):
        await migrate.check(Cluster(folder=Path("nowhere"), port=1).settings())


async def test_the_role_of_the_programs_owns_its_database_and_nothing_else(pool: Pool, empty: Cluster) -> None:
    rights = await pool.fetchrow(
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication, rolbypassrls FROM pg_roles WHERE rolname = 'kadr'"
    )
    assert rights is not None
    assert set(rights.values()) == {False}
    assert await pool.fetchval("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'kadr'") == "kadr"
    async with empty.as_role("postgres").pool() as admin:
        passwords = dict(await admin.fetch("SELECT rolname, rolpassword FROM pg_authid WHERE rolcanlogin"))
    assert passwords["postgres"] is None, "nobody signs in to it from outside"
    assert passwords["kadr"].startswith("SCRAM-SHA-256$")


@pytest.fixture
async def owed(pool: Pool, empty: Cluster) -> AsyncIterator[Any]:
    """Asks what the trigger of KEDA asks, as a role that has what docs/operations.md gives it; in workers."""
    (scaled,) = [one for one in overlay("keda") if one["kind"] == "ScaledObject"]
    (trigger,) = [one for one in scaled["spec"]["triggers"] if one["type"] == "postgresql"]
    document = (ROOT / "docs" / "operations.md").read_text()
    grants = [line for line in document.splitlines() if "kadr_keda" in line and line.endswith(";")]
    assert len(grants) >= 2
    async with empty.as_role("postgres").pool() as admin:
        await admin.execute("".join(grants))
        async with empty.as_role("kadr_keda").pool() as asking:

            async def ask() -> float:
                assert await asking.fetchval("SHOW statement_timeout") == "2s"
                (value,) = await asking.fetchrow(trigger["metadata"]["query"])
                assert isinstance(value, float)
                return value

            yield ask
        await admin.execute("DROP OWNED BY kadr_keda; DROP ROLE kadr_keda")
    await pool.execute("TRUNCATE steps, turns")


async def queue(pool: Pool, kind: StepKind, owner: Any = OWNER, *, delay_s: float = 0) -> None:
    asset_id = await new_asset(pool, owner)
    async with pool.acquire() as connection:
        await steps.insert(connection, asset_id, kind, {}, delay_s=delay_s)


WORKER_S = 4 * 120


async def test_what_is_owed_is_what_steps_of_the_owner_have_cost(pool: Pool, owed: Any) -> None:
    assert await owed() == 0
    other = await new_owner(pool, "other")
    await queue(pool, StepKind.ENCODE)
    assert await owed() == pytest.approx(1 / WORKER_S), "nothing is known yet"
    step = await steps.claim(pool, TRAITS[StepKind.ENCODE].slots.kinds, "test", 30)
    assert step is not None
    async with pool.acquire() as connection, connection.transaction():
        await steps.finish(connection, step, StepState.DONE, output={})
    await steps.settle_turn(pool, step, 1601, 1601)
    usual_s = await pool.fetchval("SELECT expected_s FROM turns")
    assert usual_s > 480
    await queue(pool, StepKind.ENCODE)
    await queue(pool, StepKind.ANALYSE, other)  # of whom nothing is known: as others of the class
    await queue(pool, StepKind.PROBE)  # of another class
    assert await owed() == pytest.approx((2 * usual_s + 1) / WORKER_S)


async def test_running_steps_count_as_far_as_they_are_not_done(pool: Pool, owed: Any) -> None:
    await queue(pool, StepKind.ENCODE)
    step = await steps.claim(pool, TRAITS[StepKind.ENCODE].slots.kinds, "test", 30)
    assert step is not None
    await steps.heartbeat(pool, step, 30, 0.75)
    assert await owed() == pytest.approx(0.25 / WORKER_S)


async def test_steps_that_wait_call_for_no_worker(pool: Pool, owed: Any) -> None:
    """For their time, or for a network; and what has ended is paid."""
    await queue(pool, StepKind.ENCODE, delay_s=60)
    await queue(pool, StepKind.FETCH)
    await queue(pool, StepKind.ACCEPT)
    await queue(pool, StepKind.ENCODE)
    await pool.execute("UPDATE steps SET state = 'dead' WHERE kind = 'encode' AND due_at <= now()")
    assert await owed() == 0
    # All that wait for no network are counted.
    for kind in (kind for kind, traits in TRAITS.items() if not traits.slots.waits_for_network):
        before = await owed()
        await queue(pool, kind)
        assert await owed() > before, kind


async def test_each_kind_counts_in_its_own_class(pool: Pool, owed: Any) -> None:
    for number, slots in enumerate(sorted({traits.slots for traits in TRAITS.values()}), 1):
        await pool.execute(
            "INSERT INTO turns (owner_id, slots, pass, begun_at, expected_s, claimed_at)"
            " VALUES ($1, $2, 0, 0, $3, now())",
            *(OWNER, slots.value, float(10**number)),
        )
    costs = dict(await pool.fetch("SELECT slots, expected_s FROM turns"))
    asked = 0
    for kind, traits in TRAITS.items():
        await queue(pool, kind)
        expected = 0 if traits.slots.waits_for_network else costs[traits.slots.value] / WORKER_S
        assert await owed() == pytest.approx(expected), kind
        await pool.execute("DELETE FROM steps")
        asked += 1
    assert asked == len(TRAITS)
