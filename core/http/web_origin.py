"""Origins of pages as browsers write them (RFC 6454): what the header Origin is compared with. Pure."""

from ipaddress import ip_address
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """The origin of a URL: in lower case, without the default port. Raises ValueError for a port that is none."""
    parts = urlsplit(url.lower())
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{shown}{port}"


def is_loopback(host: str) -> bool:
    """Whether browsers take a host name for this machine: localhost, names below it, and addresses of loopback."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
