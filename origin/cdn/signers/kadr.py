"""Kadr's own delivery token (scheme `own`): HMAC-SHA256 over a path prefix and an expiry, carried in the path. Pure.

In: a prefix and an expiry. Out: `/s/{kid}.{expires}.{signature}` before the prefix, which relative URIs inherit. What
is signed is `kadr-delivery.{kid}.{expires}.{prefix}`; `core.tokens.signed_token` says how. No leeway on the expiry:
the clock that checks is the clock that signed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from core.tokens.signed_token import InvalidToken, TokenCodec
from origin.cdn.signers.canonical import canonical_prefix
from origin.cdn.signers.options import Options, Secret, hex_or_text, parsed_keys, plain_kids
from origin.cdn.signers.signer import DeliveryExpired, DeliveryRefused, Signed, SigningContext

_CODEC = TokenCodec(purpose="kadr-delivery", max_chars=512)


def token(prefix: str, expires_at: int, keys: Mapping[str, bytes]) -> str:
    """A token for everything below the canonical `prefix`, until `expires_at` (Unix seconds)."""
    return _CODEC.sign(str(expires_at), keys, bound_to=prefix)


def verify(given: str, prefix: str, keys: Mapping[str, bytes], now: float) -> None:
    """Raises DeliveryRefused unless the token is valid for `prefix` at `now`; DeliveryExpired if it was before."""
    try:
        expires_at = _CODEC.verify(given, keys, bound_to=prefix)
    except InvalidToken as exc:
        raise DeliveryRefused from exc
    if now > int(expires_at):  # a signed number, so one that `token` wrote
        raise DeliveryExpired


@dataclass(frozen=True, slots=True, kw_only=True)
class KadrSigner:
    """Signs paths with tokens that this origin checks itself."""

    keys: Mapping[str, bytes]
    covers_prefix: ClassVar[bool] = True
    in_path: ClassVar[bool] = True
    per_viewer: ClassVar[bool] = False

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """The path below which everything may be read until `expires_at`. Raises PrefixRefused."""
        prefix = canonical_prefix(prefix)
        return Signed(path=f"/s/{token(prefix, expires_at, self.keys)}{prefix}")


def from_options(keys: Mapping[str, Secret], options: Options) -> KadrSigner:
    """The signer for an operator's keys and options. Raises ConfigError."""
    plain_kids(options.scheme, keys)
    options.base_url(needed=False)
    return KadrSigner(keys=parsed_keys(options.scheme, keys, hex_or_text, "text, or hex of 16 bytes or more"))
