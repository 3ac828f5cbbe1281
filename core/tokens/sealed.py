"""Secrets that are stored encrypted: AES-256-GCM under a key of the settings, bound to what they belong to. Pure.

The first of several keys seals and any of them opens, so that they rotate. A copy of the database alone contains
nothing usable.
"""

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import KadrError

_NONCE_BYTES = 12


class CannotOpen(KadrError):
    """The key that sealed this secret is not among those in the settings: restore it."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sealed:
    """A secret encrypted with the key `kid`."""

    kid: str
    body: bytes  # nonce, then ciphertext and tag of AES-GCM


def seal(secret: bytes, owner: str, keys: Mapping[str, bytes], *, purpose: bytes) -> Sealed:
    """Encrypt with the first of the keys (by id). `owner`: the id of what the secret belongs to, which binds it."""
    kid, key = next(iter(keys.items()))
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return Sealed(kid=kid, body=nonce + _cipher(key, purpose).encrypt(nonce, secret, owner.encode()))


def open_sealed(sealed: Sealed, owner: str, keys: Mapping[str, bytes], *, purpose: bytes) -> bytes:
    """The secret. Raises CannotOpen for an unknown key and for a secret of something else."""
    key = keys.get(sealed.kid)
    if key is None:
        raise CannotOpen
    nonce, body = sealed.body[:_NONCE_BYTES], sealed.body[_NONCE_BYTES:]
    try:
        return _cipher(key, purpose).decrypt(nonce, body, owner.encode())
    except InvalidTag as exc:
        raise CannotOpen from exc


def _cipher(key: bytes, purpose: bytes) -> AESGCM:
    """AES-256-GCM with a key derived from one of 16 bytes or more."""
    return AESGCM(hmac.digest(key, purpose, hashlib.sha256))
