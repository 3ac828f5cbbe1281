"""The token of Fastly's VCL example: `{expires}_{signature}` in the query. Pure.

In: one path and an expiry. Out: `token={expires}_{hex HMAC-SHA1(key, path + expires)}`, the key decoded from base64.
Checked against the key and path of the vendor's README. It covers one path: every file is signed anew. VCL is the
operator's own, so `covers=prefix` is there for one that checks the first three names of the path instead of all of it.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from origin.cdn.signers.canonical import canonical_path, canonical_prefix
from origin.cdn.signers.options import Covers, Options, Secret, from_base64, parsed_keys
from origin.cdn.signers.signer import Signed, SigningContext, signing_key


@dataclass(frozen=True, slots=True, kw_only=True)
class FastlySigner:
    """The keys have no ids at Fastly: the VCL tries both."""

    keys: Mapping[str, bytes]
    covers: Covers
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
        signature = hmac.digest(signing_key(self.keys)[1], f"{path}{expires_at}".encode(), hashlib.sha1).hex()
        return Signed(path=path, query=f"{self.name}={expires_at}_{signature}")


def from_options(keys: Mapping[str, Secret], options: Options) -> FastlySigner:
    """The signer for an operator\'s keys and options. Raises ConfigError."""
    options.base_url(needed=False)
    return FastlySigner(
        keys=parsed_keys(options.scheme, keys, from_base64, "base64"),
        covers=options.choice("covers", Covers.EXACT, Covers.PREFIX),
        name=options.text("name", "token"),
    )
