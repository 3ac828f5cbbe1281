"""Owners and their API keys. A key is `prefix.secret`; only the SHA-256 of the secret is stored."""

import hashlib
import hmac
from dataclasses import dataclass

from core.db import sql
from core.db.postgres import Pool
from core.errors import ConfigError
from core.model import OwnerId

_SQL = sql.load("owners")
FIRST_OWNER = OwnerId("ow_default")  # of an installation that has not named another


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """Whose assets they are. `list_by_default`: whether search engines may find new ones.

    `is_admin`: they run the installation, and see what it costs.
    """

    id: OwnerId
    name: str
    list_by_default: bool
    is_admin: bool


def prefix_of(api_key: str) -> str:
    """What names the key, and is no secret."""
    return api_key.partition(".")[0]


def _parts(api_key: str) -> tuple[str, bytes]:
    prefix, _, secret = api_key.partition(".")
    return prefix, hashlib.sha256(secret.encode()).digest()


async def ensure(pool: Pool, owner_id: OwnerId, name: str, api_key: str) -> None:
    """Create the owner and the API key where they do not exist. Raises ConfigError for a malformed key."""
    prefix, digest = _parts(api_key)
    if len(prefix) < 4 or len(api_key) - len(prefix) < 21:
        raise ConfigError("an API key has the form prefix.secret with at least 20 characters of secret")
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(_SQL["ensure_owner"], owner_id, name)
        await connection.execute(_SQL["ensure_key"], prefix, owner_id, digest)


async def of_key(pool: Pool, api_key: str) -> OwnerId | None:
    """Owner of an API key; None for an unknown, revoked or wrong key, which all take the same time."""
    prefix, digest = _parts(api_key)
    row = await pool.fetchrow(_SQL["by_prefix"], prefix)
    stored = bytes(len(digest)) if row is None else row["secret_sha256"]
    return OwnerId(row["owner_id"]) if hmac.compare_digest(stored, digest) and row is not None else None


async def by_id(pool: Pool, owner_id: OwnerId) -> Owner:
    """The owner of this id, which has to exist, as that of an authenticated request does."""
    return Owner(**await pool.fetchrow(_SQL["by_id"], owner_id))


async def list_by_default(pool: Pool, owner_id: OwnerId, wanted: bool) -> None:
    """Set whether new assets of the owner are listed. Those that exist stay as they are."""
    await pool.execute(_SQL["list_by_default"], owner_id, wanted)
