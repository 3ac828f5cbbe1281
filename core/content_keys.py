"""The keys that segments are encrypted with: 16 random bytes per asset, kept in PostgreSQL and nowhere else.

A row holds its key wrapped (AES-256-GCM, bound to the asset) by the first of KADR_CONTENT_KEYS; any of them unwraps, so
those rotate. Whoever has a copy of the database alone, or of storage alone, has no key. Keys are never logged.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core import sql
from core.db import Pool
from core.errors import KadrError
from core.model import AssetId
from core.settings import Settings, parse_keys

_SQL = sql.load("content_keys")
KEY_BYTES = 16
_NONCE_BYTES = 12


class KeyLocked(KadrError):
    """A content key was wrapped by a key that is not among KADR_CONTENT_KEYS: put that one back."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Wrapped:
    """A key that only its wrapping key opens."""

    kid: str
    body: bytes  # nonce, then what AES-GCM gives


def wrapping_keys(settings: Settings) -> dict[str, bytes]:
    """By key id, the one that wraps first; none where the setting is not set. Raises ConfigError."""
    given = settings.content_keys
    return parse_keys("KADR_CONTENT_KEYS", given) if given.get_secret_value() else {}


def wrap(key: bytes, asset_id: AssetId, wrapping: Mapping[str, bytes]) -> Wrapped:
    kid, secret = next(iter(wrapping.items()))
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return Wrapped(kid=kid, body=nonce + _cipher(secret).encrypt(nonce, key, asset_id.encode()))


def unwrap(wrapped: Wrapped, asset_id: AssetId, wrapping: Mapping[str, bytes]) -> bytes:
    """Raises KeyLocked, also for the key of another asset."""
    secret = wrapping.get(wrapped.kid)
    if secret is None:
        raise KeyLocked
    nonce, body = wrapped.body[:_NONCE_BYTES], wrapped.body[_NONCE_BYTES:]
    try:
        return _cipher(secret).decrypt(nonce, body, asset_id.encode())
    except InvalidTag as exc:
        raise KeyLocked from exc


def _cipher(secret: bytes) -> AESGCM:
    """Secrets are of any length from 16 bytes on; the cipher wants 32."""
    return AESGCM(hmac.digest(secret, b"kadr-content-key", hashlib.sha256))


async def obtain(pool: Pool, asset_id: AssetId, wrapping: Mapping[str, bytes]) -> bytes:
    """The asset's key, made now where there is none: it stays the same for every revision. Raises KeyLocked."""
    new = wrap(secrets.token_bytes(KEY_BYTES), asset_id, wrapping)
    await pool.execute(_SQL["insert"], asset_id, new.kid, new.body)
    found = await read(pool, asset_id)
    if found is None:
        raise KeyLocked
    return unwrap(found, asset_id, wrapping)


async def read(pool: Pool, asset_id: AssetId) -> Wrapped | None:
    """None where the asset has no key."""
    row = await pool.fetchrow(_SQL["read"], asset_id)
    return None if row is None else Wrapped(kid=row["kid"], body=row["wrapped"])
