"""Cloudflare's timed HMAC, as the rules' `is_timed_hmac_valid_v0` reads it. Pure. NOT VERIFIED AGAINST THE VENDOR.

In: one path and an expiry. Out: `verify={issued}-{base64 HMAC-SHA256(key, path + issued)}`, the base64 percent-encoded.
The vendor's published examples could not be reproduced with the keys beside them: try a token at your zone first.

A token names when it was issued; how long it lives is a number in the rule. `lifetime_s` is that same number, and the
token is dated back so that it ends at the expiry. It never lives longer than the rule lets it: let the rule be longer
than the longest title and its pauses. `covers=prefix` is for a Worker that checks the prefix; a rule takes whole paths.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote

from origin.cdn.signers.canonical import canonical_path, canonical_prefix
from origin.cdn.signers.options import Covers, Options, Secret, as_bytes, parsed_keys
from origin.cdn.signers.signer import Signed, SigningContext, signing_key

_LIFETIME_S = 3 * 3600  # of the vendor's example rule


@dataclass(frozen=True, slots=True, kw_only=True)
class CloudflareSigner:
    """The keys have no ids at Cloudflare: during a rotation there are two rules, or one with `or`."""

    keys: Mapping[str, bytes]
    covers: Covers
    lifetime_s: int
    name: str
    in_path: ClassVar[bool] = False
    per_viewer: ClassVar[bool] = False

    @property
    def covers_prefix(self) -> bool:
        """Whether one signature is valid for everything below a prefix."""
        return self.covers is Covers.PREFIX

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign a prefix, or one path where `covers_prefix` is false. Raises PrefixRefused or CannotSign."""
        path = canonical_prefix(prefix) if self.covers_prefix else canonical_path(prefix)
        issued_at = min(expires_at - self.lifetime_s, int(context.now))
        mac = hmac.digest(signing_key(self.keys)[1], f"{path}{issued_at}".encode(), hashlib.sha256)
        return Signed(path=path, query=f"{self.name}={issued_at}-{quote(base64.b64encode(mac), safe='')}")


def from_options(keys: Mapping[str, Secret], options: Options) -> CloudflareSigner:
    """The signer for an operator\'s keys and options. Raises ConfigError."""
    options.base_url(needed=False)
    return CloudflareSigner(
        keys=parsed_keys(options.scheme, keys, as_bytes, "text"),
        covers=options.choice("covers", Covers.EXACT, Covers.PREFIX),
        lifetime_s=options.seconds("lifetime_s", _LIFETIME_S),
        name=options.text("name", "verify"),
    )
