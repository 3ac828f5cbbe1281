"""URLs as rules look at them. Pure."""

import ipaddress
from urllib.parse import parse_qs, urlsplit

SECRETS = ("token", "signature", "x-amz-signature", "expires", "policy", "key-pair-id", "hdnts", "sig")


def origin(url: str) -> str:
    """Scheme and host."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def is_absolute(url: str) -> bool:
    """Whether it can be read from anywhere: http or https, with a host and without spaces."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not any(char.isspace() for char in url)


def secrets(url: str) -> list[str]:
    """Parameters of a token, which ends one day."""
    return [name for name in parse_qs(urlsplit(url).query) if name.lower() in SECRETS]


def own_machine(url: str) -> bool:
    """Whether it is on the machine that asks, where nobody needs TLS."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
