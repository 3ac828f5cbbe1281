"""Idempotency keys: (owner, key) -> id of the resource the first request created, for 24 hours, in PostgreSQL.

The key and the resource are written in one transaction, so a crash leaves both or neither. A repeated request gets the
id only; the resource is read again, so that its URLs are fresh.
"""

from collections.abc import Awaitable, Callable

from core.db import sql
from core.db.postgres import Connection, Pool
from core.errors import KadrError
from core.model import OwnerId

_SQL = sql.load("idempotency")


class KeyReused(KadrError):
    """This idempotency key was used for another request."""


async def once(
    pool: Pool,
    owner_id: OwnerId,
    key: str | None,
    request_hash: str,
    make: Callable[[Connection], Awaitable[str]],
) -> tuple[str, bool]:
    """(id of the resource, whether this call created it). Without a key `make` always runs. Raises KeyReused.

    `make` must only use the connection it is given: requests that wait for the same key hold one each.
    """
    async with pool.acquire() as connection, connection.transaction():
        if key is None:
            return await make(connection), True
        if await connection.fetchval(_SQL["claim"], owner_id, key, request_hash) is None:
            known = await connection.fetchrow(_SQL["known"], owner_id, key)
            if known["request_hash"] != request_hash:
                raise KeyReused
            return known["resource"], False
        resource = await make(connection)
        await connection.execute(_SQL["record"], owner_id, key, resource)
        return resource, True


async def forget_old(connection: Connection) -> None:
    """Delete the keys that are more than 24 hours old."""
    await connection.execute(_SQL["forget_old"])
