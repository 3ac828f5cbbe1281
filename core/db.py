"""The PostgreSQL pool and its migrations.

Safe behind PgBouncer in transaction mode: no prepared-statement cache, no LISTEN, no session locks.
"""

import json
import re
from importlib.resources import files
from typing import Any, TypeAlias
from urllib.parse import urlsplit

import asyncpg

from core.errors import KadrError
from core.settings import Settings

Pool: TypeAlias = Any  # asyncpg.Pool; the package carries no types
Connection: TypeAlias = Any  # asyncpg hands out pool proxies and connections; both have execute, fetch*, transaction


async def _prepare(connection: Any) -> None:
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def connect(settings: Settings) -> Pool:
    """A pool with jsonb as Python values. Every statement ends within 30 s or raises asyncio.TimeoutError."""
    try:
        return await _pool(settings)
    except (OSError, TimeoutError) as exc:
        at = urlsplit(settings.database_url.get_secret_value())
        raise KadrError(f"PostgreSQL at {at.hostname}:{at.port or 5432} does not answer ({exc})") from exc


async def _pool(settings: Settings) -> Pool:
    return await asyncpg.create_pool(
        settings.database_url.get_secret_value(),
        min_size=1,
        max_size=settings.database_pool,
        statement_cache_size=0,
        command_timeout=30,
        timeout=10,
        init=_prepare,
    )


async def migrate(pool: Pool) -> list[str]:
    """Apply what is missing, all in one transaction under an advisory lock; returns the names applied now.

    Raises KadrError when the database is ahead of this code: starting an old release over it would be a guess.
    """
    scripts = sorted(
        (entry for entry in files("core.migrations").iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", entry.name)),
        key=lambda entry: entry.name,
    )
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(hashtext('kadr.migrate'))")
        await connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        known = {row["name"] for row in await connection.fetch("SELECT name FROM migrations")}
        if unknown := known - {script.name for script in scripts}:
            raise KadrError(f"the database has migrations this release does not know: {', '.join(sorted(unknown))}")
        applied = []
        for script in scripts:
            if script.name not in known:
                await connection.execute(script.read_text("utf-8"))
                await connection.execute("INSERT INTO migrations (name) VALUES ($1)", script.name)
                applied.append(script.name)
        return applied


# What asyncpg raises while the server is away or a connection is cut: worth another try.
UNAVAILABLE: tuple[type[Exception], ...] = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.CannotConnectNowError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InterfaceError,
    OSError,
    TimeoutError,
)
