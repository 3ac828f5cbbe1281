"""May this visit use this token? Pure. Limits of the token against what the request shows.

What a limit needs and the request does not show refuses: a page that hides where it comes from is no page of that
domain. Native players send no Referer; tokens for them carry no domain.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from core.errors import KadrError
from core.playback_token import Limits

Address = IPv4Address | IPv6Address
SAME_IPV6_HOME = 64  # bits that stay while a device changes its address


class PolicyRefused(KadrError):
    """The token is not for this page, address or country. `code` is one of docs/errors.md."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Where a request comes from, as far as it can be known."""

    page: str | None  # Origin or Referer
    address: Address | None
    country: str | None


def check(limits: Limits, visit: Visit) -> None:
    """Raises PolicyRefused: `domain_refused`, `ip_refused` or `country_refused`."""
    if limits.domain is not None and not _of_domain(visit.page, limits.domain.lower()):
        raise PolicyRefused("domain_refused", "This video may not be played on this page.")
    if limits.ip is not None and not _of_network(visit.address, limits.ip):
        raise PolicyRefused("ip_refused", "This link was made for another address.")
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
        network = ip_network(f"{allowed}/{SAME_IPV6_HOME}", strict=False)
    return address in network


def address_of(peer: str | None, forwarded_for: str, trusted: tuple[str, ...]) -> Address | None:
    """The nearest address that no trusted proxy speaks for. X-Forwarded-For is read from its end, behind one only."""
    hops = [*(hop.strip() for hop in forwarded_for.split(",") if hop.strip()), peer or ""]
    networks = [ip_network(network) for network in trusted]
    for hop in reversed(hops):
        try:
            address = ip_address(hop)
        except ValueError:
            return None  # a proxy that is trusted wrote what is no address
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if not any(address in network for network in networks):
            return address
    return None
