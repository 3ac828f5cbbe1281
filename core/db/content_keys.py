"""Content keys of encrypted assets: 16 random bytes per asset, stored in PostgreSQL only.

A row holds its key wrapped (AES-256-GCM, bound to the asset) by the first of KADR_CONTENT_KEYS; any of them unwraps, so
those rotate. A copy of the database alone, or of storage alone, contains no usable key. Keys are never logged.
"""

import secrets
from collections.abc import Mapping

from core.db import sql
from core.db.postgres import Pool
from core.errors import KadrError, Rejected
from core.model import AssetId
from core.settings import Settings, parse_keys
from core.tokens.sealed import CannotOpen, Sealed, open_sealed, seal

_SQL = sql.load("content_keys")
KEY_BYTES = 16
_PURPOSE = b"kadr-content-key"


class KeyLocked(KadrError):
    """The content key cannot be unwrapped by any of KADR_CONTENT_KEYS: restore the key that wrapped it."""


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


def wrap(key: bytes, asset_id: AssetId, wrapping: Mapping[str, bytes]) -> Sealed:
    """Encrypt a content key with the first of the wrapping keys (by id), bound to its asset."""
    return seal(key, asset_id, wrapping, purpose=_PURPOSE)


def unwrap(wrapped: Sealed, asset_id: AssetId, wrapping: Mapping[str, bytes]) -> bytes:
    """The content key. Raises KeyLocked for an unknown wrapping key and for a key of another asset."""
    try:
        return open_sealed(wrapped, asset_id, wrapping, purpose=_PURPOSE)
    except CannotOpen as exc:
        raise KeyLocked from exc


async def obtain(pool: Pool, asset_id: AssetId, wrapping: Mapping[str, bytes]) -> bytes:
    """The asset's content key, created where there is none; all revisions share it. Raises KeyLocked."""
    new = wrap(secrets.token_bytes(KEY_BYTES), asset_id, wrapping)
    await pool.execute(_SQL["insert"], asset_id, new.kid, new.body)
    stored = await read(pool, asset_id)
    if stored is None:
        raise KeyLocked
    return unwrap(stored, asset_id, wrapping)


async def read(pool: Pool, asset_id: AssetId) -> Sealed | None:
    """The asset's wrapped key; None where it has none."""
    row = await pool.fetchrow(_SQL["read"], asset_id)
    return None if row is None else Sealed(kid=row["kid"], body=row["wrapped"])
