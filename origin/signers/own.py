"""Our own delivery token: HMAC-SHA256 over one path prefix and an expiry, carried in the path. Pure.

In: a prefix and an expiry. Out: `/s/{kid}.{expires}.{signature}` before the prefix, which relative URIs inherit. What
is signed is `kadr-delivery.{kid}.{expires}.{prefix}`. The signature is hex in lower case: one token has one spelling.
No skew: the clock that checks is the clock that signed.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from origin.signers.canonical import canonical_prefix
from origin.signers.options import Options, Secret, hex_or_text, parsed_keys, plain_kids
from origin.signers.signer import DeliveryExpired, DeliveryRefused, Signed, SigningContext, signing_key


def token(prefix: str, expires_at: int, keys: Mapping[str, bytes]) -> str:
    """A token for everything below `prefix`, which is canonical, until `expires_at` (Unix seconds)."""
    kid, key = signing_key(keys)
    return f"{kid}.{expires_at}.{_signature(kid, key, prefix, str(expires_at))}"


def verify(given: str, prefix: str, keys: Mapping[str, bytes], now: float) -> None:
    """Raises DeliveryRefused unless the token is good for `prefix` now; DeliveryExpired if it was."""
    kid, _, rest = given.partition(".")
    expires_at, _, signature = rest.partition(".")
    key = keys.get(kid)
    if not given.isascii() or key is None:
        raise DeliveryRefused
    if not hmac.compare_digest(_signature(kid, key, prefix, expires_at), signature):
        raise DeliveryRefused
    if now > int(expires_at):  # signed, so it is the number we wrote
        raise DeliveryExpired


def _signature(kid: str, key: bytes, prefix: str, expires_at: str) -> str:
    return hmac.digest(key, f"kadr-delivery.{kid}.{expires_at}.{prefix}".encode(), hashlib.sha256).hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSigner:
    """Path tokens that our own origin checks."""

    keys: Mapping[str, bytes]
    covers_prefix: ClassVar[bool] = True
    in_path: ClassVar[bool] = True
    per_viewer: ClassVar[bool] = False

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        prefix = canonical_prefix(prefix)
        return Signed(path=f"/s/{token(prefix, expires_at, self.keys)}{prefix}")


def from_options(keys: Mapping[str, Secret], options: Options) -> OwnSigner:
    plain_kids(options.scheme, keys)
    options.base_url(needed=False)
    return OwnSigner(keys=parsed_keys(options.scheme, keys, hex_or_text, "text, or hex of 16 bytes or more"))
