"""Sign-in links: each begins one studio session of one owner, within LIFE_S."""

from core.db import sql
from core.db.postgres import Connection, Pool
from core.errors import ConfigError
from core.model import OwnerId
from core.tokens.opaque_token import TokenKind, digest_of, is_token, new_token

_SQL = sql.load("sign_in_links")
LIFE_S = 600


async def make(connection: Connection, owner_id: OwnerId) -> str:
    """The token of a new link, which is stored nowhere. Raises ConfigError where there is no such owner."""
    token = new_token(TokenKind.SIGN_IN_LINK)
    if await connection.fetchval(_SQL["insert"], digest_of(token), owner_id, LIFE_S) is None:
        raise ConfigError(f"there is no owner {owner_id!r}")
    return token


async def owner_name(pool: Pool, token: str) -> str | None:
    """The name of the owner that a link signs in as, without using it; None where it is not valid (any more)."""
    if not is_token(TokenKind.SIGN_IN_LINK, token):
        return None
    name: str | None = await pool.fetchval(_SQL["owner_name"], digest_of(token))
    return name


async def use(connection: Connection, token: str) -> OwnerId | None:
    """Use a link up; its owner, or None where it is not valid (any more)."""
    if not is_token(TokenKind.SIGN_IN_LINK, token):
        return None
    owner: str | None = await connection.fetchval(_SQL["use"], digest_of(token))
    return None if owner is None else OwnerId(owner)


async def withdraw(connection: Connection, owner_id: OwnerId) -> None:
    """Delete every link of an owner that nobody has used."""
    await connection.execute(_SQL["withdraw"], owner_id)


async def forget_expired(connection: Connection) -> None:
    """Delete the links that have expired."""
    await connection.execute(_SQL["forget_expired"])
