"""Path tokens that nginx checks alone, with secure_link and secure_link_md5. Pure.

In: a prefix and an expiry. Out: `/s/{kid}.{expires}.{md5}` before the prefix `/v/{asset}/{revision}/`.

The text that is hashed is `{expires}{prefix} {secret}`: the expiry in Unix seconds, at once the prefix with both its
slashes, one space, the secret of `kid`. `md5` is its MD5 in base64url without padding, 22 characters. In nginx, with
`$kid`, `$expires`, `$md5` and `$prefix` taken from the path and `$secret` mapped from `$kid`:

    secure_link $md5,$expires;
    secure_link_md5 "$expires$prefix $secret";

MD5 is what nginx has. The secret stands last, so that no longer text can be signed from a known one. nginx decodes
before it compares: the last of the 22 characters has 4 spare bits, and 15 altered tokens are good there. `verify`
compares the spelling and takes one.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from origin.cdn.signers.canonical import canonical_prefix
from origin.cdn.signers.options import Options, Secret, as_bytes, base64url_nopad, parsed_keys, plain_kids
from origin.cdn.signers.signer import (
    SKEW_S,
    DeliveryExpired,
    DeliveryRefused,
    Signed,
    SigningContext,
    signing_key,
)

# The expiry and the prefix are hashed without a delimiter: digits only, and the prefix starts with `/`.
_TOKEN = re.compile(r"([0-9A-Za-z]{1,63})\.([1-9][0-9]{0,15})\.([0-9A-Za-z_-]{22})")


def digest(text: str) -> str:
    """What secure_link compares with."""
    return base64url_nopad(hashlib.md5(text.encode(), usedforsecurity=False).digest())


def token(prefix: str, expires_at: int, keys: Mapping[str, str]) -> str:
    """A token for everything below the canonical `prefix`, until `expires_at` (Unix seconds)."""
    kid, secret = signing_key(keys)
    return f"{kid}.{expires_at}.{digest(f'{expires_at}{prefix} {secret}')}"


def verify(given: str, prefix: str, keys: Mapping[str, str], now: float) -> None:
    """Raises DeliveryRefused unless the token is valid for `prefix` at `now`; DeliveryExpired if it was before.

    For setups without nginx in front. SKEW_S of leeway, as another clock signed it; nginx itself allows none.
    """
    parts = _TOKEN.fullmatch(given)
    secret = keys.get(parts[1]) if parts else None
    if parts is None or secret is None or not prefix.startswith("/"):
        raise DeliveryRefused
    expected = digest(f"{parts[2]}{prefix} {secret}")
    if not hmac.compare_digest(expected, parts[3]):
        raise DeliveryRefused
    if now > int(parts[2]) + SKEW_S:
        raise DeliveryExpired


@dataclass(frozen=True, slots=True, kw_only=True)
class SecureLinkSigner:
    """Signs paths with tokens that an nginx edge checks."""

    keys: Mapping[str, str]
    covers_prefix: ClassVar[bool] = True
    in_path: ClassVar[bool] = True
    per_viewer: ClassVar[bool] = False

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign a prefix, or one path where `covers_prefix` is false. Raises PrefixRefused or CannotSign."""
        prefix = canonical_prefix(prefix)
        return Signed(path=f"/s/{token(prefix, expires_at, self.keys)}{prefix}")


def from_options(keys: Mapping[str, Secret], options: Options) -> SecureLinkSigner:
    """The signer for an operator\'s keys and options. Raises ConfigError."""
    plain_kids(options.scheme, keys)
    options.base_url(needed=False)
    return SecureLinkSigner(keys=parsed_keys(options.scheme, keys, _secret, "printable ASCII without spaces"))


def _secret(key: Secret) -> str:
    secret = as_bytes(key).decode("ascii")
    if not re.fullmatch(r"[!-~]+", secret):  # the text is split at a space, and nginx reads the secret from its config
        raise ValueError
    return secret
