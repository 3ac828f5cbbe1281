"""Akamai's EdgeAuth 2.0 tokens. Pure.

In: a prefix and an expiry. Out: a token `st~exp~acl~...~hmac` with the ACL `{prefix}*`, in the path, in the query or as
a cookie. HMAC-SHA256 with the key decoded from hex, over `ip~st~exp~acl~id~data[~salt]`; the salt is signed and not
sent.

`edge_token` is checked against Akamai's own library. The path form, `{prefix}{name}={token}/`, is the one that its
edges write themselves; it was not tried against one: for Segmented Media Protection with the token in the URI, set
`name=hdntl`, `payload=hdntl` and `escape_early=true`.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar
from urllib.parse import quote_plus

from origin.cdn.signers.canonical import canonical_prefix
from origin.cdn.signers.options import Options, Secret, from_hex, parsed_keys
from origin.cdn.signers.signer import SKEW_S, Signed, SigningContext, signing_key, viewer_ip, viewer_session

_NAME = r"[0-9A-Za-z_]+"


class Place(StrEnum):
    """Where the token travels."""

    PATH = "path"
    QUERY = "query"
    COOKIE = "cookie"


def edge_token(
    key: bytes,
    expires_at: int,
    *,
    acl: Sequence[str] = (),
    starts_at: int | None = None,
    ip: str | None = None,
    session: str | None = None,
    payload: str | None = None,
    salt: str | None = None,
    escape_early: bool = False,
) -> str:
    """A token for the patterns `acl`, in which `*` is a wildcard. No text may contain `~`, and no pattern `!`.

    `escape_early`, "Escape token input" at Akamai: values are percent-encoded, in lower case, before they are signed.
    """
    spell = _escaped if escape_early else str
    sent = [
        *([f"ip={spell(ip)}"] if ip else []),
        *([f"st={starts_at}"] if starts_at else []),
        f"exp={expires_at}",
        *([f"acl={spell('!'.join(acl))}"] if acl else []),
        *([f"id={spell(session)}"] if session else []),
        *([f"data={spell(payload)}"] if payload else []),
    ]
    signed = [*sent, *([f"salt={salt}"] if salt else [])]
    return "~".join([*sent, f"hmac={hmac.digest(key, '~'.join(signed).encode(), hashlib.sha256).hex()}"])


def _escaped(text: str) -> str:
    return re.sub(r"%..", lambda escape: escape[0].lower(), quote_plus(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class AkamaiSigner:
    """`starts`: "" for no start, "now", or Unix seconds. The keys have no ids at Akamai: main and transition key."""

    keys: Mapping[str, bytes]
    place: Place
    name: str
    starts: str
    payload: str
    salt: str
    escape_early: bool
    lock_ip: bool
    name_session: bool
    covers_prefix: ClassVar[bool] = True

    @property
    def in_path(self) -> bool:
        """Whether the token is part of the path."""
        return self.place is Place.PATH

    @property
    def per_viewer(self) -> bool:
        """Whether the signature is bound to the viewer."""
        return self.lock_ip or self.name_session

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign a prefix, or one path where `covers_prefix` is false. Raises PrefixRefused or CannotSign."""
        prefix = canonical_prefix(prefix)
        token = edge_token(
            signing_key(self.keys)[1],
            expires_at,
            acl=(f"{prefix}*",),
            # The clock of an edge may be behind this one.
            starts_at=int(context.now) - SKEW_S if self.starts == "now" else int(self.starts or 0),
            ip=str(viewer_ip(context)) if self.lock_ip else None,
            session=viewer_session(context) if self.name_session else None,
            payload=self.payload,
            salt=self.salt,
            escape_early=self.escape_early,
        )
        if self.place is Place.COOKIE:
            return Signed(path=prefix, cookies=((self.name, token),))
        if self.place is Place.QUERY:
            return Signed(path=prefix, query=f"{self.name}={token}")
        return Signed(path=f"{prefix}{self.name}={token}/")


def from_options(keys: Mapping[str, Secret], options: Options) -> AkamaiSigner:
    """The signer for an operator\'s keys and options. Raises ConfigError."""
    options.base_url(needed=False)
    return AkamaiSigner(
        keys=parsed_keys(options.scheme, keys, from_hex, "an even number of hex digits"),
        place=options.choice("place", Place.PATH, Place.QUERY, Place.COOKIE),
        name=options.text("name", "hdnts", _NAME),
        starts=options.text("starts", "", r"now|[1-9][0-9]{0,11}"),
        payload=options.text("payload"),
        salt=options.text("salt", hidden=True),
        escape_early=options.flag("escape_early"),
        lock_ip=options.flag("lock_ip"),
        name_session=options.flag("name_session"),
    )
