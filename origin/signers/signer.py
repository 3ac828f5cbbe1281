"""What every signer is: a path prefix and an expiry in, what a player needs to read below it out. Pure.

Owns the seam between the origin and the CDNs' ways of signing. A signer signs with its first key; the CDN, and our own
verifiers, take every live key, so keys rotate without a refused request. Refuses nothing itself: see `canonical`.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from core.errors import KadrError

Key = TypeVar("Key")

# Two clocks that are not ours may differ by so much. Our own tokens are checked against the clock that wrote them.
SKEW_S = 60


class CannotSign(KadrError):
    """What a signature needs to know of this viewer is not known."""


class DeliveryRefused(KadrError):
    """The path's token is changed, expired, or for another prefix."""


class DeliveryExpired(DeliveryRefused):
    """The playback session has expired; load the page again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningContext:
    """Who asks, and when. `now` is in Unix seconds; a scheme takes only what its options ask for."""

    now: float
    session: str = ""
    ip: str | None = None
    country: str | None = None  # ISO 3166-1, two capitals


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """The right to read, as a player carries it.

    `path` stands before relative URIs, the token included where the scheme puts it there. `query` (`a=b&c=d`, no `?`)
    is to be appended to every URI: relative URIs do not inherit it. `cookies` are for the CDN's domain, on the prefix.
    """

    path: str
    query: str = ""
    cookies: tuple[tuple[str, str], ...] = ()


class Signer(Protocol):
    """One CDN's way of signing."""

    @property
    def covers_prefix(self) -> bool:
        """One signature is good for all below the prefix. If not, `sign` takes one file's path, for each file anew."""

    @property
    def in_path(self) -> bool:
        """The token is part of the path, so that relative URIs inherit it and playlists need no rewriting."""

    @property
    def per_viewer(self) -> bool:
        """The signature binds something of this viewer. If not, it may be kept for the prefix and its expiry."""

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """`expires_at` is in Unix seconds. Raises PrefixRefused or CannotSign."""


def signing_key(keys: Mapping[str, Key]) -> tuple[str, Key]:
    """The key that signs, with its id: the first."""
    return next(iter(keys.items()))


def viewer_ip(context: SigningContext) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """The address a token is to be bound to. Raises CannotSign."""
    try:
        ip = ipaddress.ip_address(context.ip or "")
    except ValueError as exc:
        raise CannotSign("the token is to be bound to the viewer's address, which is not known") from exc
    # A socket that listens on both families tells IPv4 viewers so; the CDN sees the IPv4 address.
    return ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip


def viewer_session(context: SigningContext) -> str:
    """The session a token is to name: letters and digits, so that no field of a token can be forged by it."""
    if not (context.session.isascii() and context.session.isalnum()):
        raise CannotSign("the token is to name the session, which is not known")
    return context.session
