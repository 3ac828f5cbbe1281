"""Whose request it is: the address of the client, as far as it can be believed. Pure."""

from functools import cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
UNKNOWN = "unknown"
IPV6_HOME_BITS = 64  # of an address; they stay the same while a device changes the rest


def address_of(peer: str | None, forwarded_for: str, trusted: tuple[str, ...]) -> Address | None:
    """The nearest address that is not a trusted proxy's. X-Forwarded-For is read from its end, behind such a proxy."""
    hops = [*(hop.strip() for hop in forwarded_for.split(",") if hop.strip()), peer or ""]
    networks = _networks(trusted)
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


@cache
def _networks(names: tuple[str, ...]) -> tuple[IPv4Network | IPv6Network, ...]:
    """The networks of a setting, read once: every request asks."""
    return tuple(map(ip_network, names))


def home_of(address: Address | None) -> str:
    """The address, or of IPv6 the network of a home: what one client can have many addresses of counts as one.

    All whose address is not known count as one, too: what is bounded for an address is bounded for them.
    """
    if isinstance(address, IPv6Address) and address.ipv4_mapped is None:
        return str(ip_network((address, IPV6_HOME_BITS), strict=False))
    if isinstance(address, IPv6Address):
        address = address.ipv4_mapped
    return UNKNOWN if address is None else str(address)
