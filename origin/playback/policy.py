"""Whether a visit may use a playback token: the token's limits against what the request shows. Pure.

A limit refuses where the request does not show what it needs: a request without Origin and Referer is from no page of
the domain. Native players send no Referer; tokens for them carry no domain.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from core.errors import KadrError
from core.tokens.playback_token import Limits

Address = IPv4Address | IPv6Address
IPV6_HOME_BITS = 64  # of an address; they stay the same while a device changes the rest


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


def address_of(peer: str | None, forwarded_for: str, trusted: tuple[str, ...]) -> Address | None:
    """The nearest address that is not a trusted proxy's. X-Forwarded-For is read from its end, behind such a proxy."""
    hops = [*(hop.strip() for hop in forwarded_for.split(",") if hop.strip()), peer or ""]
    networks = [ip_network(network) for network in trusted]
    for hop in reversed(hops):
        try:
            address = ip_address(hop)
        except ValueError:
            return None  # a trusted proxy wrote something that is not an address
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if not any(address in network for network in networks):
            return address
    return None
