"""The interface of every signer: a path prefix and an expiry in, what a player needs to read below it out. Pure.

Owns the boundary between the origin and the CDNs' signing schemes. A signer signs with its first key; the CDN, and
Kadr's own verifiers, accept every live key, so keys rotate without a refused request. `canonical` says which paths are
refused.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from core.errors import KadrError

Key = TypeVar("Key")

# How far the clocks of two other machines may differ. Kadr's own tokens are checked by the clock that signed them.
SKEW_S = 60


class CannotSign(KadrError):
    """The signature is to be bound to something of the viewer that is not known."""


class DeliveryRefused(KadrError):
    """The token of this path is invalid, or for another prefix."""


class DeliveryExpired(DeliveryRefused):
    """The playback session has expired; load the page again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningContext:
    """The viewer and the time, `now` in Unix seconds. A scheme uses only what its options require."""

    now: float
    session: str = ""
    ip: str | None = None
    country: str | None = None  # ISO 3166-1, two capitals


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signature in the form in which a player sends it.

    `path` precedes relative URIs, with the token where the scheme puts it there. `query` (`a=b&c=d`, no `?`)
    is to be appended to every URI: relative URIs do not inherit it. `cookies` are for the CDN's domain, on the prefix:
    for `kadr sign` only, as the origin refuses at its start a CDN that signs by cookies.
    """

    path: str
    query: str = ""
    cookies: tuple[tuple[str, str], ...] = ()


class Signer(Protocol):
    """The signing scheme of one CDN, with its keys and options."""

    @property
    def covers_prefix(self) -> bool:
        """One signature is valid for everything below the prefix. If not, each file's path is signed separately, and
        DASH manifests leave this CDN out: they can carry one query for all files only."""

    @property
    def in_path(self) -> bool:
        """The token is part of the path, so that relative URIs inherit it and playlists need not be rewritten."""

    @property
    def per_viewer(self) -> bool:
        """The signature is bound to this viewer. If not, it may be reused for the same prefix and expiry."""

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign `prefix` until `expires_at` (Unix seconds). Raises PrefixRefused or CannotSign."""


def signing_key(keys: Mapping[str, Key]) -> tuple[str, Key]:
    """The key that signs, with its id: the first."""
    return next(iter(keys.items()))


def viewer_ip(context: SigningContext) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address to which a token is bound. Raises CannotSign."""
    try:
        ip = ipaddress.ip_address(context.ip or "")
    except ValueError as exc:
        raise CannotSign("the token is to be bound to the viewer's address, which is not known") from exc
    # A socket that listens on both families reports IPv4 viewers as mapped; the CDN sees the IPv4 address.
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def viewer_session(context: SigningContext) -> str:
    """The session id in a token: letters and digits, so that it cannot forge another field. Raises CannotSign."""
    if not (context.session.isascii() and context.session.isalnum()):
        raise CannotSign("the token is to be bound to the session, which is not known")
    return context.session
