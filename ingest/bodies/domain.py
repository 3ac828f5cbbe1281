"""Domains in requests: of the page that a token is for, and of the pages that may play an asset. Pure.

In: a host name as people write it. Out: the name as browsers send it in Origin and Referer, with which it is compared:
lower-case, without a dot at its end, in punycode. Refused: whatever is no host name, such as a URL.
"""

import re
import unicodedata
from ipaddress import ip_address
from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

MAX_DOMAINS = 20
_MAX_CHARS = 253  # RFC 1035, 2.3.4, without the dot of the root
_LABEL = "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# The last label begins with a letter: browsers take a name that ends in a number for an IPv4 address.
_PATTERN = rf"({_LABEL}\.)*[A-Za-z]([A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?"
_NAME = re.compile(_PATTERN)
_EXAMPLE = "shop.example.org"


def domain_name(value: str) -> str:
    """The host name, `*.` and a host name, or the IP address that `value` is. Raises PydanticCustomError."""
    star = "*." if value.startswith("*.") else ""
    host = value.removeprefix(star).removesuffix(".").lower()
    if not star and (address := _address(host)) is not None:
        return address
    name = _punycode(host)
    if not _NAME.fullmatch(name) or len(star + name) > _MAX_CHARS:
        raise PydanticCustomError(
            "form",
            "must be a domain name without scheme, port or path, for example {example}, or *. and a domain name",
            {"example": _EXAMPLE},
        )
    return star + name


def _address(host: str) -> str | None:
    """The IP address as URLs spell it, without the brackets of IPv6; None for anything else."""
    try:
        return None if "%" in host else str(ip_address(host))
    except ValueError:
        return None


def _punycode(host: str) -> str:
    """An international name in punycode; "" where browsers may encode it in another way, as they do "ß"."""
    if host.isascii():
        return host
    try:
        composed = unicodedata.normalize("NFC", host)
        encoded = composed.encode("idna")
        return encoded.decode("ascii") if encoded.decode("idna") == composed else ""
    except UnicodeError:
        return ""


def _unique(values: list[str]) -> list[str]:
    return list(dict.fromkeys(values))


Domain = Annotated[
    str,
    StringConstraints(max_length=2 * _MAX_CHARS),  # of what is worth a look
    AfterValidator(domain_name),
    WithJsonSchema(
        {
            "type": "string",
            "maxLength": _MAX_CHARS,
            "anyOf": [{"pattern": rf"^(\*\.)?{_PATTERN}$"}, {"format": "ipv4"}, {"format": "ipv6"}],
            "examples": [_EXAMPLE, "*.example.org"],
        }
    ),
]
AllowedDomains = Annotated[
    list[Domain], Field(max_length=MAX_DOMAINS, examples=[[_EXAMPLE, "*.example.org"]]), AfterValidator(_unique)
]
DOMAIN_TEXT = "Domain of the page that plays; *.example.org stands for its subdomains"
ALLOWED_DOMAINS_TEXT = (
    f"Domains of the pages that may play it, at most {MAX_DOMAINS}; *.example.org stands for the subdomains of "
    "example.org. Empty: any page, and players without a page"
)
