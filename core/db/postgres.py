"""The PostgreSQL pool and its migrations.

Safe behind PgBouncer in transaction mode: no prepared-statement cache, no LISTEN, no session locks.
"""

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg
from pydantic import SecretStr

from core.db import restore, sql
from core.errors import KadrError
from core.settings import Settings
from core.storage.digest import digest
from core.telemetry.logs import Log

_LOG = Log("database")
MIGRATION_S = 3600.0  # how long one statement of a migration may take
LAST_MIGRATION_WITH_VIEWS = "0007_subtitles.sql"  # later ones find no view, and repeat none

Pool: TypeAlias = Any  # asyncpg.Pool; the package carries no types
Connection: TypeAlias = Any  # asyncpg hands out pool proxies and connections; both have execute, fetch*, transaction


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _prepare_repaired(connection: Any) -> None:
    await _prepare(connection)
    await restore.require_repaired(connection)


async def connect(settings: Settings, *, require_repaired: bool = False) -> Pool:
    """A pool with jsonb as Python values. Every statement ends within 30 s or raises asyncio.TimeoutError.

    With `require_repaired` each new connection raises restored.DatabaseRestored where `kadr migrate` has to repair the
    database first: for programs that write or read events.
    """
    try:
        url, prepare = settings.database_url, _prepare_repaired if require_repaired else _prepare
        return await _pool(url, settings.database_pool, prepare, min_size=1)
    except (OSError, TimeoutError) as exc:
        at = urlsplit(settings.database_url.get_secret_value())
        raise KadrError(f"PostgreSQL at {at.hostname}:{at.port or 5432} does not answer ({exc})") from exc


async def connect_replica(settings: Settings, url: SecretStr) -> Pool:
    """A pool of the same kind that connects when it is first used."""
    return await _pool(url, settings.database_pool, _prepare, min_size=0)


async def _pool(url: SecretStr, size: int, prepare: Callable[[Any], Awaitable[None]], *, min_size: int) -> Pool:
    return await asyncpg.create_pool(
        url.get_secret_value(),
        min_size=min_size,
        max_size=size,
        statement_cache_size=0,
        command_timeout=30,
        timeout=10,
        init=prepare,
    )


async def migrate(pool: Pool) -> list[str]:
    """Apply the missing migrations, create the views and repair a restored outbox; the names of the migrations applied.

    All of it happens in one transaction under an advisory lock. Raises KadrError when the database has migrations that
    this release does not know: an older release must not write to it.
    """
    scripts = _scripts()
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('kadr.migrate'))", timeout=MIGRATION_S)
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        known = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        if unknown := known - {script.name for script in scripts}:
            raise KadrError(f"the database has migrations this release does not know: {', '.join(sorted(unknown))}")
        pending = [script for script in scripts if script.name not in known]
        await _apply(connection, pending)
        await _repair(connection)
        return [script.name for script in pending]


async def not_applied(pool: Pool) -> list[str]:
    """What `migrate` of this release would apply, and `views` where it would create those again. Changes nothing.

    Empty for a database that a later release has migrated: that release keeps this one running.
    """
    async with pool.acquire() as connection:
        if not await connection.fetchval("SELECT to_regclass('migrations') IS NOT NULL"):
            return [script.name for script in _scripts()]
        known = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        names = [script.name for script in _scripts()]
        pending = [name for name in names if name not in known]
        if pending or known - set(names):
            return pending
        return [] if await _views_are_current(connection) else ["views"]


def _scripts() -> list[Traversable]:
    """The migrations of this release, in their order."""
    return sorted(
        (entry for entry in files("core.db.migrations").iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", entry.name)),
        key=lambda entry: entry.name,
    )


async def _views_are_current(connection: Connection) -> bool:
    made_of = await connection.fetchval("SELECT value FROM database_facts WHERE name = 'views'")
    return bool(made_of == digest(sql.load("views")))


async def _apply(connection: Connection, pending: Sequence[Traversable]) -> None:
    """Run the migrations, and create the views again where a migration or their own text may have changed them."""
    views = sql.load("views")
    for script in pending:
        if script.name > LAST_MIGRATION_WITH_VIEWS:
            await connection.execute(views["drop"], timeout=MIGRATION_S)
        await connection.execute(script.read_text("utf-8"), timeout=MIGRATION_S)
        await connection.execute("INSERT INTO migrations (name) VALUES ($1)", script.name)
    if pending or not await _views_are_current(connection):
        await connection.execute(views["drop"], timeout=MIGRATION_S)
        await connection.execute(views["create"], timeout=MIGRATION_S)
        await connection.execute(
            "INSERT INTO database_facts (name, value) VALUES ('views', $1)"
            " ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
            digest(views),
        )


async def _repair(connection: Connection) -> None:
    events = await restore.repair(connection, MIGRATION_S)
    if events is not None:
        _LOG.warning("database.repaired", reason="restored into another cluster", events=events)
    moved = await restore.remember_cluster(connection)
    if moved or events is not None:
        # A newer backup may be restored yet, which needs what this one has no row for.
        await connection.execute(sql.load("restored")["postpone_garbage"], timeout=MIGRATION_S)
    if moved:
        _LOG.warning("database.moved", reason="this cluster is not the one that was migrated last")


# What asyncpg raises while the server is away, a connection is cut or a deadlock is broken: worth another try. The
# internal error is that of a pool that takes back a connection whose server was killed in the middle of a query.
UNAVAILABLE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.TransactionRollbackError,
    OSError,
    TimeoutError,
)
