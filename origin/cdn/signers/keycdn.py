"""KeyCDN's secure token. Pure.

In: one path and an expiry. Out: `token={md5}&expire={expires}`, where md5 is the MD5 of path, secret and expiry, one
after another, in base64url without padding. It covers one path: every file is signed anew. A zone has one secret: a new
one takes effect at once, and refuses what the old one signed.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from origin.cdn.signers.canonical import canonical_path
from origin.cdn.signers.options import Options, Secret, as_bytes, base64url_nopad, parsed_keys
from origin.cdn.signers.signer import Signed, SigningContext, signing_key


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyCdnSigner:
    """The keys have no ids at KeyCDN."""

    keys: Mapping[str, bytes]
    covers_prefix: ClassVar[bool] = False
    in_path: ClassVar[bool] = False
    per_viewer: ClassVar[bool] = False

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign a prefix, or one path where `covers_prefix` is false. Raises PrefixRefused or CannotSign."""
        path = canonical_path(prefix)
        text = path.encode() + signing_key(self.keys)[1] + str(expires_at).encode()
        token = base64url_nopad(hashlib.md5(text, usedforsecurity=False).digest())
        return Signed(path=path, query=f"token={token}&expire={expires_at}")


def from_options(keys: Mapping[str, Secret], options: Options) -> KeyCdnSigner:
    """The signer for an operator\'s keys and options. Raises ConfigError."""
    options.base_url(needed=False)
    return KeyCdnSigner(keys=parsed_keys(options.scheme, keys, as_bytes, "text"))
