"""Which cookie carries a studio session, and from which pages it may be used to write. Pure.

Under TLS the cookie is `__Host-kadr`: no other host and no page without TLS can set it. Safari does not keep Secure
cookies of http://localhost, and no browser keeps a __Host- cookie without Secure, so that on this machine, where nobody
listens in, it is a plain one. Anywhere else without TLS there is none.
"""

from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from core.http.web_origin import is_loopback, origin_of

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(frozen=True, slots=True, kw_only=True)
class CookieKind:
    """The name of the cookie, and whether it is sent under TLS only."""

    name: str
    secure: bool


UNDER_TLS = CookieKind(name="__Host-kadr", secure=True)
ON_LOOPBACK = CookieKind(name="kadr_studio", secure=False)


def cookie_kind(public_url: str, host: str) -> CookieKind | None:
    """The cookie for a request to `host` (the Host header). `public_url`: the base of the API as people reach it.

    None where a session would cross a network without TLS.
    """
    if urlsplit(public_url).scheme == "https":
        return UNDER_TLS
    return ON_LOOPBACK if _is_loopback(host) else None


def own_origins(public_url: str, host: str) -> frozenset[str]:
    """The origins of our own pages, as browsers write them. Without TLS this machine may have several names."""
    own = {origin_of(public_url)}
    if cookie_kind(public_url, host) == ON_LOOPBACK:
        own.add(f"http://{host.lower()}")
    return frozenset(own)


def is_from_own_page(fetch_site: str | None, origin: str | None, own: Collection[str]) -> bool:
    """Whether a request that carries our cookie was sent by one of our own pages.

    `fetch_site`: the header Sec-Fetch-Site. `same-site` is not enough, as cookies do not tell ports apart; nor is
    `none`, which is a person who typed an address, and nobody types a write. Browsers without it send Origin.
    """
    if fetch_site is not None:
        return fetch_site == "same-origin"
    return origin is not None and origin in own


def _is_loopback(host: str) -> bool:
    try:
        return is_loopback(urlsplit(f"http://{host.lower()}").hostname or "")
    except ValueError:
        return False
