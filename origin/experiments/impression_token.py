"""The impression token: which poster a viewer was shown, signed, so that nobody invents a poster or a propensity. Pure.

Claims are a JSON list, signed with the keys of playback tokens for a purpose of their own; `core.tokens.signed_token`
says how. In: claims and keys. Refuses tokens that are invalid or have expired.
"""

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass

from core.errors import KadrError
from core.tokens.signed_token import InvalidToken, TokenCodec

LIFETIME_S = 24 * 3600
_CODEC = TokenCodec(purpose="kadr-impression", max_chars=512, padded=True)


class ImpressionRefused(KadrError):
    """The impression token is invalid."""


class ImpressionExpired(ImpressionRefused):
    """The impression token has expired."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Impression:
    """One poster candidate shown to one viewer in one batch. `expires_at` is in Unix seconds."""

    experiment_id: str
    id: str
    candidate: str
    batch: int
    propensity: float  # the probability with which this candidate was drawn
    expires_at: int


def sign(impression: Impression, keys: Mapping[str, bytes]) -> str:
    """A token signed with the first of `keys`."""
    # JSON writes a float so that reading it gives exactly the same number.
    return _CODEC.encode(json.dumps(astuple(impression), separators=(",", ":")).encode(), keys)


def verify(token: str, keys: Mapping[str, bytes], now: float) -> Impression:
    """The impression of a valid token. Raises ImpressionExpired or ImpressionRefused."""
    try:
        experiment_id, impression_id, candidate, batch, propensity, expires_at = json.loads(_CODEC.decode(token, keys))
    except (InvalidToken, ValueError, TypeError) as exc:
        raise ImpressionRefused from exc
    if now > expires_at:
        raise ImpressionExpired
    return Impression(
        experiment_id=experiment_id,
        id=impression_id,
        candidate=candidate,
        batch=batch,
        propensity=propensity,
        expires_at=expires_at,
    )
