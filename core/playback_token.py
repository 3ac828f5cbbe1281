"""The playback token: HMAC-SHA256 with a key id over playback id, session and expiry. Pure.

`kid.claims.signature`: claims are JSON in unpadded base64url, the signature is hex. Exactly one spelling of a token is
accepted: base64 that does not encode back to itself is refused, and hex has no spare bits.
"""

import base64
import binascii
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import KadrError
from core.model import PlaybackId


class TokenRefused(KadrError):
    """The token is not one of ours, has been changed, or is not for this."""


class TokenExpired(TokenRefused):
    """The token has expired; ask for a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says. `expires_at` is in Unix seconds."""

    playback_id: PlaybackId
    session: str
    expires_at: int


def new_session() -> str:
    return secrets.token_hex(8)


def _signature(kid: str, claims: str, key: bytes) -> str:
    return hmac.new(key, f"kadr-playback.{kid}.{claims}".encode(), hashlib.sha256).hexdigest()


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def sign(claims: Claims, keys: Mapping[str, bytes]) -> str:
    """A token signed with the first of `keys`."""
    kid, key = next(iter(keys.items()))
    body = _encode(json.dumps([claims.playback_id, claims.session, claims.expires_at]).encode())
    return f"{kid}.{body}.{_signature(kid, body, key)}"


def verify(token: str, keys: Mapping[str, bytes], playback_id: str, now: float) -> Claims:
    """The claims of a good token for `playback_id`. Raises TokenExpired or TokenRefused."""
    kid, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    key = keys.get(kid)
    if not token.isascii() or key is None or not hmac.compare_digest(_signature(kid, body, key), signature):
        raise TokenRefused
    try:
        decoded = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        token_playback_id, session, expires_at = json.loads(decoded)
    except (binascii.Error, ValueError) as exc:
        raise TokenRefused from exc
    if _encode(decoded) != body or token_playback_id != playback_id:
        raise TokenRefused
    if now > expires_at:  # our own clock set it: no slack
        raise TokenExpired
    return Claims(playback_id=PlaybackId(token_playback_id), session=session, expires_at=expires_at)
