"""Whether a visit may play a title: the limits of its token and the title's domains against what it shows. Pure.

A limit refuses where the request does not show what it needs: a request without Origin and Referer is from no page of
the domain. Players that are programs of their own send none: tokens for them carry no domain, and their titles have no
allowed domains.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv6Address, ip_network
from urllib.parse import urlsplit

from core.errors import KadrError
from core.http.client_address import IPV6_HOME_BITS, Address
from core.tokens.playback_token import ANYBODY, Limits


class PolicyRefused(KadrError):
    """Not from this page, address or country. `code` is a code of docs/errors.md."""

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code = code
        self.hint = hint


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where a request comes from, as far as it is known."""

    page: str | None  # Origin or Referer
    address: Address | None
    country: str | None


def check(limits: Limits, visit: Visit) -> None:
    """The limits of a token. Raises PolicyRefused: `domain_refused`, `ip_refused` or `country_refused`."""
    if not may_embed(visit.page, (), limits):
        raise _page_refused("Open it on the page the link is for.")
    if limits.ip is not None and not _of_network(visit.address, limits.ip):
        raise PolicyRefused(
            "ip_refused", "This link is valid for another address only.", "Use the network the link is for."
        )
    if limits.country is not None and (visit.country or "").upper() != limits.country.upper():
        raise PolicyRefused(
            "country_refused", "This video may not be played in this country.", "Use it in the country the link is for."
        )


def bound(limits: Limits, visit: Visit, allowed_domains: Sequence[str]) -> Limits:
    """The limits of a session that begins on the page of `visit`. Raises PolicyRefused `domain_refused`.

    Where a title has allowed domains, the session goes on only on pages of the host on which it has begun.
    """
    if not allowed_domains:
        return limits
    if not may_embed(visit.page, allowed_domains):
        raise _page_refused("The owner of the video can add the domain of this page to those that may play it.")
    return replace(limits, domain=host_of(visit.page))


def may_embed(page: str | None, allowed_domains: Sequence[str], limits: Limits = ANYBODY) -> bool:
    """Whether a page may play a title with these allowed domains (none: any page may) by a token with these limits.

    `page` is its URL, as Origin or Referer show it; None, of a page that is not known, is of no domain.
    """
    host = host_of(page)
    return (not allowed_domains or any(is_of_domain(host, domain) for domain in allowed_domains)) and (
        limits.domain is None or is_of_domain(host, limits.domain)
    )


def host_of(page: str | None) -> str:
    """The host of a URL, without its port; "" where there is none."""
    try:
        return (urlsplit(page or "").hostname or "").lower().rstrip(".")
    except ValueError:
        return ""


def is_of_domain(host: str, domain: str) -> bool:
    """Whether a host, as `host_of` gives it, is that of the domain, or below it for a domain that begins with "*."."""
    domain = domain.lower()
    if domain.startswith("*."):
        return host.endswith(domain[1:]) and len(host) > len(domain) - 1
    return host == domain


def _page_refused(hint: str) -> PolicyRefused:
    return PolicyRefused("domain_refused", "This video may not be played on this page.", hint)


def _of_network(address: Address | None, allowed: str) -> bool:
    if address is None:
        return False
    network = ip_network(allowed, strict=False)
    if "/" not in allowed and isinstance(network.network_address, IPv6Address):
        network = ip_network(f"{allowed}/{IPV6_HOME_BITS}", strict=False)
    return address in network
