"""The Common Access Token, CTA-5007: a CBOR Web Token with a MAC. Pure.

In: a prefix and an expiry. Out: the token as a query parameter or a cookie, base64url without padding. It is a CWT
(tag 61) of a COSE_Mac0 (tag 17) with HS256; the key's id is in the unprotected header. Claims: exp 4, catv 310 = 1,
catu 312 (the path starts with the prefix, the host is the CDN's), catm 313 (GET, HEAD), and with `renew_s` catr 323
(renewed by the CDN, which adds so many seconds). Checked against a token of another implementation; no CDN was tried.
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from urllib.parse import urlsplit

import cbor2

from origin.cdn.signers.canonical import canonical_prefix
from origin.cdn.signers.options import Options, Secret, base64url_nopad, from_hex, parsed_keys
from origin.cdn.signers.signer import Signed, SigningContext, signing_key

_CWT_TAG, _MAC0_TAG = 61, 17  # RFC 8392, 6; RFC 9052, 2
_ALG, _KID, _HS256 = 1, 4, 5  # RFC 9052, 3.1; RFC 9053, 3.1
_ISS, _EXP, _CATV, _CATU, _CATM, _CATR = 1, 4, 310, 312, 313, 323
_HOST, _PATH = 1, 3  # parts of a URI in catu
_EXACT, _PREFIX = 0, 1  # kinds of match
_RENEWAL_KIND, _RENEWAL_ADDS, _AUTOMATIC = 0, 1, 0


class Place(StrEnum):
    """Where the token travels."""

    QUERY = "query"
    COOKIE = "cookie"


def mac0(claims: Mapping[int, object], kid: str, key: bytes) -> str:
    """A CWT of `claims`, in their order."""
    protected = cbor2.dumps({_ALG: _HS256})
    payload = cbor2.dumps(dict(claims))
    tag = hmac.digest(key, cbor2.dumps(["MAC0", protected, b"", payload]), hashlib.sha256)
    message = cbor2.CBORTag(_MAC0_TAG, [protected, {_KID: kid.encode()}, payload, tag])
    return base64url_nopad(cbor2.dumps(cbor2.CBORTag(_CWT_TAG, message)))


@dataclass(frozen=True, slots=True, kw_only=True)
class CatSigner:
    """`host` may be "": then a token is good at every host. `renew_s` 0: not renewed."""

    keys: Mapping[str, bytes]
    host: str
    issuer: str
    place: Place
    name: str
    renew_s: int
    covers_prefix: ClassVar[bool] = True
    in_path: ClassVar[bool] = False
    per_viewer: ClassVar[bool] = False

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign a prefix, or one path where `covers_prefix` is false. Raises PrefixRefused or CannotSign."""
        prefix = canonical_prefix(prefix)
        kid, key = signing_key(self.keys)
        token = mac0(self._claims(prefix, expires_at), kid, key)
        if self.place is Place.COOKIE:
            return Signed(path=prefix, cookies=((self.name, token),))
        return Signed(path=prefix, query=f"{self.name}={token}")

    def _claims(self, prefix: str, expires_at: int) -> dict[int, object]:
        uri: dict[int, object] = {_PATH: {_PREFIX: prefix}}
        if self.host:
            uri = {_HOST: {_EXACT: self.host}, **uri}
        claims: dict[int, object] = {_EXP: expires_at, _CATV: 1, _CATU: uri, _CATM: ["GET", "HEAD"]}
        if self.issuer:
            claims = {_ISS: self.issuer, **claims}
        if self.renew_s:
            claims[_CATR] = {_RENEWAL_KIND: _AUTOMATIC, _RENEWAL_ADDS: self.renew_s}
        return claims


def from_options(keys: Mapping[str, Secret], options: Options) -> CatSigner:
    """The signer for an operator\'s keys and options. Raises ConfigError."""
    place = options.choice("place", Place.QUERY, Place.COOKIE)
    return CatSigner(
        keys=parsed_keys(options.scheme, keys, from_hex, "an even number of hex digits"),
        host=urlsplit(options.base_url(needed=False)).hostname or "",
        issuer=options.text("issuer"),
        place=place,
        name=options.text("name", "CAT" if place is Place.QUERY else "CTA-Common-Access-Token"),
        renew_s=options.seconds("renew_s", 0),
    )
