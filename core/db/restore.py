"""A database that was restored from a dump into another cluster: detected everywhere, repaired by `kadr migrate`.

Transaction ids belong to a cluster. `pg_dump` and logical replication carry the ids in `events` and `outbox_cursors`
along, while the new cluster counts from a few hundred: the old events look like those of transactions that are still
open, and new events lie before every cursor. Physical backups, standbys and pg_upgrade keep the ids: all is well there.
"""

from typing import Any

from core.db import sql
from core.errors import Transient

_SQL = sql.load("restored")


class DatabaseRestored(Transient):
    """This database was restored from a dump into another PostgreSQL cluster: run `kadr migrate` before using it."""


async def require_repaired(connection: Any) -> None:
    """Raises DatabaseRestored for a restored database that was not repaired. A database without tables passes."""
    # Asked first: an undefined table would abort the caller's transaction.
    if not await connection.fetchval("SELECT to_regclass('database_facts') IS NOT NULL"):
        return  # not migrated yet
    row = await connection.fetchrow(_SQL["check"])
    if row["restored"]:
        raise DatabaseRestored


async def repair(connection: Any, timeout_s: float) -> int | None:
    """Make a restored outbox readable again, in the caller's transaction; the number of its events, None where intact.

    Each consumer gets exactly the events that it had not consumed, in the order of their positions. `timeout_s` bounds
    each statement.
    """
    row = await connection.fetchrow(_SQL["check"])
    if not row["restored"]:
        return None
    await connection.execute(_SQL["lock"], timeout=timeout_s)
    last_position = await connection.fetchval(_SQL["last_position"], timeout=timeout_s)
    await connection.execute(_SQL["renumber_events"], last_position, timeout=timeout_s)
    await connection.execute(_SQL["renumber_cursors"])
    count: int = await connection.fetchval("SELECT count(*) FROM events")
    return count


async def remember_cluster(connection: Any) -> bool:
    """Note the cluster this database runs in now; True where it was another one."""
    moved: bool = (await connection.fetchrow(_SQL["check"]))["moved"]
    await connection.execute(_SQL["remember_cluster"])
    return moved
