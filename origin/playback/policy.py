"""Whether a visit may use a playback token: the token's limits against what the request shows. Pure.

A limit refuses where the request does not show what it needs: a request without Origin and Referer is from no page of
the domain. Native players send no Referer; tokens for them carry no domain.
"""

from dataclasses import dataclass
from ipaddress import IPv6Address, ip_network
from urllib.parse import urlsplit

from core.errors import KadrError
from core.http.client_address import IPV6_HOME_BITS, Address
from core.tokens.playback_token import Limits


class PolicyRefused(KadrError):
    """The token is not for this page, address or country. `code` is a code of docs/errors.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where a request comes from, as far as it is known."""

    page: str | None  # Origin or Referer
    address: Address | None
    country: str | None


def check(limits: Limits, visit: Visit) -> None:
    """Raises PolicyRefused: `domain_refused`, `ip_refused` or `country_refused`."""
    if limits.domain is not None and not _of_domain(visit.page, limits.domain.lower()):
        raise PolicyRefused("domain_refused", "This video may not be played on this page.")
    if limits.ip is not None and not _of_network(visit.address, limits.ip):
        raise PolicyRefused("ip_refused", "This link is valid for another address only.")
    if limits.country is not None and (visit.country or "").upper() != limits.country.upper():
        raise PolicyRefused("country_refused", "This video may not be played in this country.")


def _of_domain(page: str | None, domain: str) -> bool:
    try:
        host = (urlsplit(page or "").hostname or "").lower().rstrip(".")
    except ValueError:
        return False
    if domain.startswith("*."):
        return host.endswith(domain[1:]) and len(host) > len(domain) - 1
    return host == domain


def _of_network(address: Address | None, allowed: str) -> bool:
    if address is None:
        return False
    network = ip_network(allowed, strict=False)
    if "/" not in allowed and isinstance(network.network_address, IPv6Address):
        network = ip_network(f"{allowed}/{IPV6_HOME_BITS}", strict=False)
    return address in network
