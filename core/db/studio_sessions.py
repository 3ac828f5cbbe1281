"""Studio sessions: what a browser that has signed in shows in its cookie, and whose it is.

A session lasts a fixed time. It ends sooner when somebody signs out, and with the API key that it was made from.
"""

from dataclasses import dataclass
from datetime import datetime

from core.db import sql
from core.db.postgres import Connection, Pool
from core.model import OwnerId
from core.tokens.opaque_token import TokenKind, digest_of, is_token, new_token

_SQL = sql.load("studio_sessions")


@dataclass(frozen=True, slots=True, kw_only=True)
class StudioSession:
    """Whose session it is. `key_prefix`: of the API key that it was made from; None: it was made from a link."""

    owner_id: OwnerId
    owner_name: str
    key_prefix: str | None
    expires_at: datetime


async def begin(connection: Connection, owner_id: OwnerId, key_prefix: str | None, life_s: int) -> str:
    """A new session; its token, which is stored nowhere."""
    token = new_token(TokenKind.STUDIO_SESSION)
    await connection.execute(_SQL["insert"], digest_of(token), owner_id, key_prefix, life_s)
    return token


async def of_token(pool: Pool, token: str) -> StudioSession | None:
    """The session of a token, which counts as used now; None for one that has ended or never was."""
    if not is_token(TokenKind.STUDIO_SESSION, token):
        return None
    row = await pool.fetchrow(_SQL["by_digest"], digest_of(token))
    if row is None:
        return None
    if row["idle"]:
        await pool.execute(_SQL["touch"], digest_of(token))
    return StudioSession(
        owner_id=OwnerId(row["owner_id"]),
        owner_name=row["owner_name"],
        key_prefix=row["key_prefix"],
        expires_at=row["expires_at"],
    )


async def end(connection: Connection, token: str) -> None:
    """End the session of a token, if there is one."""
    await connection.execute(_SQL["end"], digest_of(token))


async def end_all(connection: Connection, owner_id: OwnerId) -> int:
    """End every session of an owner; how many there were."""
    return len(await connection.fetch(_SQL["end_all"], owner_id))


async def forget_expired(connection: Connection) -> None:
    """Delete the sessions that have expired."""
    await connection.execute(_SQL["forget_expired"])
