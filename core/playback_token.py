"""The playback token: HMAC-SHA256 with a key id over playback id, session, expiry and who may use it. Pure.

`kid.claims.signature`: claims are JSON in unpadded base64url, the signature is hex. Exactly one spelling of a token is
accepted: base64 that does not encode back to itself is refused, and hex has no spare bits.
"""

import base64
import binascii
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import KadrError
from core.model import PlaybackId


class TokenRefused(KadrError):
    """The token is not one of ours, has been changed, or is not for this."""


class TokenExpired(TokenRefused):
    """The token has expired; ask for a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Who may use a token. None is anybody."""

    viewer: str | None = None  # the application's own name for a person
    max_sessions: int | None = None  # of that viewer at once
    domain: str | None = None  # of the page that plays: "example.org", or "*.example.org" for those below it
    ip: str | None = None  # an address, or a network
    country: str | None = None  # ISO 3166-1 alpha-2


ANYBODY = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says. `expires_at` is in Unix seconds."""

    playback_id: PlaybackId
    session: str
    expires_at: int
    limits: Limits = ANYBODY


def new_session() -> str:
    return secrets.token_hex(8)


def _signature(kid: str, claims: str, key: bytes) -> str:
    return hmac.digest(key, f"kadr-playback.{kid}.{claims}".encode(), "sha256").hex()


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def sign(claims: Claims, keys: Mapping[str, bytes]) -> str:
    """A token signed with the first of `keys`."""
    kid, key = next(iter(keys.items()))
    said: list[Any] = [claims.playback_id, claims.session, claims.expires_at]
    given = {name: value for name, value in asdict(claims.limits).items() if value is not None}
    if given:
        said.append(given)
    body = _encode(json.dumps(said).encode())
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
        token_playback_id, session, expires_at, *more = json.loads(decoded.decode())
        limits = Limits(**more[0]) if more else ANYBODY
    except (binascii.Error, ValueError, TypeError) as exc:
        raise TokenRefused from exc
    if _encode(decoded) != body or token_playback_id != playback_id:
        raise TokenRefused
    if now > expires_at:  # our own clock set it: no slack
        raise TokenExpired
    return Claims(playback_id=PlaybackId(token_playback_id), session=session, expires_at=expires_at, limits=limits)
