"""Our own delivery token: HMAC-SHA256 over one path prefix and an expiry, carried in the path. Pure.

`kid.expires.signature` stands before the prefix: `/s/{token}/v/{asset}/{revision}/...`. Relative URIs inherit it. The
signature is hex in lower case, so that one token has one spelling.
"""

import hashlib
import hmac
from collections.abc import Mapping

from core.errors import KadrError


class DeliveryRefused(KadrError):
    """The path's token is changed, expired, or for another prefix."""


def _signature(kid: str, key: bytes, prefix: str, expires_at: str) -> str:
    return hmac.new(key, f"kadr-delivery.{kid}.{expires_at}.{prefix}".encode(), hashlib.sha256).hexdigest()


def sign(prefix: str, expires_at: int, keys: Mapping[str, bytes]) -> str:
    """A token for everything below `prefix`, which starts and ends in `/`, until `expires_at` (Unix seconds)."""
    kid, key = next(iter(keys.items()))
    return f"{kid}.{expires_at}.{_signature(kid, key, prefix, str(expires_at))}"


def verify(token: str, prefix: str, keys: Mapping[str, bytes], now: float) -> None:
    """Raises DeliveryRefused unless the token is good for `prefix` now."""
    kid, _, rest = token.partition(".")
    expires_at, _, signature = rest.partition(".")
    key = keys.get(kid)
    if not token.isascii() or key is None:
        raise DeliveryRefused
    if not hmac.compare_digest(_signature(kid, key, prefix, expires_at), signature):
        raise DeliveryRefused
    if now > int(expires_at):  # signed, so it is the number we wrote
        raise DeliveryRefused("the playback session has expired; load the page again")
