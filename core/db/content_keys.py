"""Content keys of encrypted assets: 16 random bytes per asset, stored in PostgreSQL only.

A row holds its key wrapped (AES-256-GCM, bound to the asset) by the first of KADR_CONTENT_KEYS; any of them unwraps, so
those rotate. A copy of the database alone, or of storage alone, contains no usable key. Keys are never logged.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.db import sql
from core.db.postgres import Pool
from core.errors import KadrError, Rejected
from core.model import AssetId
from core.settings import Settings, parse_keys

_SQL = sql.load("content_keys")
KEY_BYTES = 16
_NONCE_BYTES = 12


class KeyLocked(KadrError):
    """The content key cannot be unwrapped by any of KADR_CONTENT_KEYS: restore the key that wrapped it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Wrapped:
    """A content key encrypted with the wrapping key `kid`."""

    kid: str
    body: bytes  # nonce, then ciphertext and tag of AES-GCM


def wrapping_keys(settings: Settings) -> dict[str, bytes]:
    """Wrapping keys by key id; the first one wraps. Empty without the setting. Raises ConfigError."""
    setting = settings.content_keys
    return parse_keys("KADR_CONTENT_KEYS", setting) if setting.get_secret_value() else {}


def required_wrapping_keys(settings: Settings) -> dict[str, bytes]:
    """As `wrapping_keys`, for an asset whose owner chose encryption. Raises Rejected where there are none."""
    wrapping = wrapping_keys(settings)
    if not wrapping:
        raise Rejected(
            "encryption_unavailable",
            "This installation keeps no content keys, so it cannot encrypt.",
            "Set KADR_CONTENT_KEYS, or upload it with encryption none.",
        )
    return wrapping


def wrap(key: bytes, asset_id: AssetId, wrapping: Mapping[str, bytes]) -> Wrapped:
    """Encrypt a content key with the first of the wrapping keys (by id), bound to its asset."""
    kid, secret = next(iter(wrapping.items()))
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return Wrapped(kid=kid, body=nonce + _cipher(secret).encrypt(nonce, key, asset_id.encode()))


def unwrap(wrapped: Wrapped, asset_id: AssetId, wrapping: Mapping[str, bytes]) -> bytes:
    """The content key. Raises KeyLocked for an unknown wrapping key and for a key of another asset."""
    secret = wrapping.get(wrapped.kid)
    if secret is None:
        raise KeyLocked
    nonce, body = wrapped.body[:_NONCE_BYTES], wrapped.body[_NONCE_BYTES:]
    try:
        return _cipher(secret).decrypt(nonce, body, asset_id.encode())
    except InvalidTag as exc:
        raise KeyLocked from exc


def _cipher(secret: bytes) -> AESGCM:
    """AES-256-GCM with a key derived from a secret of 16 bytes or more."""
    return AESGCM(hmac.digest(secret, b"kadr-content-key", hashlib.sha256))


async def obtain(pool: Pool, asset_id: AssetId, wrapping: Mapping[str, bytes]) -> bytes:
    """The asset's content key, created where there is none; all revisions share it. Raises KeyLocked."""
    new = wrap(secrets.token_bytes(KEY_BYTES), asset_id, wrapping)
    await pool.execute(_SQL["insert"], asset_id, new.kid, new.body)
    stored = await read(pool, asset_id)
    if stored is None:
        raise KeyLocked
    return unwrap(stored, asset_id, wrapping)


async def read(pool: Pool, asset_id: AssetId) -> Wrapped | None:
    """The asset's wrapped key; None where it has none."""
    row = await pool.fetchrow(_SQL["read"], asset_id)
    return None if row is None else Wrapped(kid=row["kid"], body=row["wrapped"])
