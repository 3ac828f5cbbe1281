"""bunny.net's token authentication V2, directory tokens. Pure.

In: a prefix and an expiry. Out: `/bcdn_token=...&token_path=...&expires=...` before the prefix, or the same as a query.
Token: `HS256-` and the base64url, without padding, of HMAC-SHA256 over token_path, expires, the packed address, and the
parameters sorted, as `k=v` joined with `&`, not escaped; in the URL their values are escaped. Bound to an address it
starts with `HS256-1-`, and of IPv6 the first 64 bits count. Checked against the vendor's published vectors.
"""

import hashlib
import hmac
import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from urllib.parse import quote

from origin.cdn.signers.canonical import canonical_prefix
from origin.cdn.signers.options import Options, Secret, as_bytes, base64url_nopad, parsed_keys
from origin.cdn.signers.signer import CannotSign, Signed, SigningContext, signing_key, viewer_ip

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Place(StrEnum):
    """Where the token travels."""

    PATH = "path"
    QUERY = "query"


def directory_token(
    key: bytes, path: str, expires_at: int, parameters: Mapping[str, str], ip: Address | None = None
) -> str:
    """The token alone. `path` is the token_path, which is among `parameters`, too."""
    signed = "&".join(f"{name}={value}" for name, value in sorted(parameters.items()))
    message = f"{path}{expires_at}".encode() + _packed(ip) + signed.encode()
    return f"HS256-{'1-' if ip else ''}{base64url_nopad(hmac.digest(key, message, hashlib.sha256))}"


def _packed(ip: Address | None) -> bytes:
    if ip is None:
        return b""
    return ip.packed if isinstance(ip, ipaddress.IPv4Address) else ip.packed[:8] + bytes(8)


@dataclass(frozen=True, slots=True, kw_only=True)
class BunnySigner:
    """The keys have no ids at bunny.net: a pull zone has one key at a time."""

    keys: Mapping[str, bytes]
    place: Place
    lock_ip: bool
    lock_country: bool
    ignore_params: bool
    covers_prefix: ClassVar[bool] = True

    @property
    def in_path(self) -> bool:
        """Whether the token is part of the path."""
        return self.place is Place.PATH

    @property
    def per_viewer(self) -> bool:
        """Whether the signature is bound to the viewer."""
        return self.lock_ip or self.lock_country

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign a prefix, or one path where `covers_prefix` is false. Raises PrefixRefused or CannotSign."""
        prefix = canonical_prefix(prefix)
        parameters = {"token_path": prefix}
        if self.lock_country:
            parameters["token_countries"] = _country(context)
        if self.ignore_params:
            parameters["token_ignore_params"] = "true"  # noqa: S105
        ip = viewer_ip(context) if self.lock_ip else None
        token = directory_token(signing_key(self.keys)[1], prefix, expires_at, parameters, ip)
        escaped = "&".join(f"{name}={quote(value, safe='')}" for name, value in sorted(parameters.items()))
        fields = f"token={token}&{escaped}&expires={expires_at}"
        if self.place is Place.QUERY:
            return Signed(path=prefix, query=fields)
        return Signed(path=f"/bcdn_{fields}{prefix}")


def _country(context: SigningContext) -> str:
    if not re.fullmatch(r"[A-Z]{2}", context.country or ""):
        raise CannotSign("the token is to be bound to the viewer's country, which is not known")
    return context.country or ""


def from_options(keys: Mapping[str, Secret], options: Options) -> BunnySigner:
    """The signer for an operator\'s keys and options. Raises ConfigError."""
    options.base_url(needed=False)
    return BunnySigner(
        keys=parsed_keys(options.scheme, keys, as_bytes, "text"),
        place=options.choice("place", Place.PATH, Place.QUERY),
        lock_ip=options.flag("lock_ip"),
        lock_country=options.flag("lock_country"),
        ignore_params=options.flag("ignore_params"),
    )
