"""Google Cloud CDN's signed URL prefixes and signed cookies. Pure.

In: a prefix and an expiry. Out: `URLPrefix=...&Expires=...&KeyName=...&Signature=...` as a query, or the same with `:`
between the fields as the cookie `Cloud-CDN-Cookie`. HMAC-SHA1 over the fields before the signature, as spelled there;
base64url keeps its padding. A key is 16 bytes in base64, and its id the name it has at the backend. Checked against the
vendor's samples.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from origin.cdn.signers.canonical import canonical_prefix
from origin.cdn.signers.options import Options, Secret, base64url, from_base64, parsed_keys
from origin.cdn.signers.signer import Signed, SigningContext, signing_key


class Place(StrEnum):
    """Where the signature travels."""

    QUERY = "query"
    COOKIE = "cookie"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleCdnSigner:
    """`keys` by their names at the backend."""

    keys: Mapping[str, bytes]
    base_url: str
    place: Place
    covers_prefix: ClassVar[bool] = True
    in_path: ClassVar[bool] = False
    per_viewer: ClassVar[bool] = False

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign a prefix, or one path where `covers_prefix` is false. Raises PrefixRefused or CannotSign."""
        prefix = canonical_prefix(prefix)
        kid, key = signing_key(self.keys)
        between = ":" if self.place is Place.COOKIE else "&"
        fields = (
            f"URLPrefix={base64url(f'{self.base_url}{prefix}'.encode())}",
            f"Expires={expires_at}",
            f"KeyName={kid}",
        )
        policy = between.join(fields)
        signed = f"{policy}{between}Signature={base64url(hmac.digest(key, policy.encode(), hashlib.sha1))}"
        if self.place is Place.COOKIE:
            return Signed(path=prefix, cookies=(("Cloud-CDN-Cookie", signed),))
        return Signed(path=prefix, query=signed)


def from_options(keys: Mapping[str, Secret], options: Options) -> GoogleCdnSigner:
    """The signer for an operator\'s keys and options. Raises ConfigError."""
    return GoogleCdnSigner(
        keys=parsed_keys(options.scheme, keys, from_base64, "base64"),
        base_url=options.base_url(needed=True),
        place=options.choice("place", Place.QUERY, Place.COOKIE),
    )
