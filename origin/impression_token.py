"""The impression token: what was shown to somebody, signed, so that nobody makes up a picture or a propensity. Pure.

`kid.claims.signature`, with the keys of playback tokens: claims are JSON in base64url, the signature is hex over
another prefix, so neither is ever taken for the other. In: claims, keys. Refuses what is forged, changed or too old.
"""

import base64
import binascii
import hmac
import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass

from core.errors import KadrError

LIVES_S = 24 * 3600
LONGEST = 512


class ImpressionRefused(KadrError):
    """The token is not one of ours, or has been changed."""


class ImpressionExpired(ImpressionRefused):
    """The token has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impression:
    """One picture for one viewer in one batch. `expires_at` is in Unix seconds."""

    experiment_id: str
    id: str
    candidate: str
    batch: int
    propensity: float
    expires_at: int


def _signature(kid: str, body: str, key: bytes) -> str:
    return hmac.digest(key, f"kadr-impression.{kid}.{body}".encode(), "sha256").hex()


def sign(impression: Impression, keys: Mapping[str, bytes]) -> str:
    """Signed with the first of `keys`."""
    kid, key = next(iter(keys.items()))
    # JSON writes a float so that the very same one is read again.
    body = base64.urlsafe_b64encode(json.dumps(astuple(impression), separators=(",", ":")).encode()).decode()
    return f"{kid}.{body}.{_signature(kid, body, key)}"


def verify(token: str, keys: Mapping[str, bytes], now: float) -> Impression:
    """Raises ImpressionExpired or ImpressionRefused."""
    kid, _, rest = token.partition(".")
    body, _, signature = rest.partition(".")
    key = keys.get(kid)
    if len(token) > LONGEST or not token.isascii() or key is None:
        raise ImpressionRefused
    if not hmac.compare_digest(_signature(kid, body, key), signature):
        raise ImpressionRefused
    try:
        experiment_id, ident, candidate, batch, propensity, expires_at = json.loads(base64.urlsafe_b64decode(body))
    except (binascii.Error, ValueError, TypeError) as exc:
        raise ImpressionRefused from exc
    if now > expires_at:
        raise ImpressionExpired
    return Impression(
        experiment_id=experiment_id,
        id=ident,
        candidate=candidate,
        batch=batch,
        propensity=propensity,
        expires_at=expires_at,
    )
