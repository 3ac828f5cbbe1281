"""Logs of CDNs as their makers describe the fields: lines of CloudFront and of bunny.net, and files of them."""

import gzip
from collections.abc import Sequence
from pathlib import Path

ASSET, OTHER = "as_0123456789abcdefghijklmnop", "as_zyxwvutsrqponm9876543210zz"
REVISION = "0123456789abcdef"
# Standard logs, in the order that they have had since version 1.
_IN_ORDER = """
date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query
cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for
ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port
time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end
"""
CLOUDFRONT_FIELDS = tuple(_IN_ORDER.split())
# A selection in another order, as version 2 of these logs allows.
CHOSEN_FIELDS = ("timestamp(ms)", "sc-status", "cs-uri-stem", "c-country", "sc-bytes", "cs-method")


def media_path(asset: str = ASSET, file: str = "720p/1.m4s") -> str:
    return f"/v/{asset}/{REVISION}/{file}"


def header(fields: Sequence[str] = CLOUDFRONT_FIELDS) -> list[str]:
    return ["#Version: 1.0", f"#Fields: {' '.join(fields)}"]


def cloudfront(
    path: str,
    size: int | str,
    *,
    day: str = "2026-11-28",
    status: str = "200",
    method: str = "GET",
    fields: Sequence[str] = CLOUDFRONT_FIELDS,
    number: int = 0,
) -> str:
    """One request; `number` makes it differ from others."""
    known = {
        "date": day,
        "time": "01:42:39",
        "timestamp(ms)": "1795829959123",
        "sc-bytes": str(size),
        "cs-method": method,
        "cs-uri-stem": path,
        "sc-status": status,
        "c-ip": "203.0.113.7",
        "x-edge-request-id": f"request-{number}",
        "cs(User-Agent)": "Mozilla/5.0%20(X11;%20Linux%20x86_64)",
    }
    return "\t".join(known.get(name, "-") for name in fields)


def bunny(
    url: str,
    size: int | str,
    *,
    ms: str = "1795829959123",
    status: str = "200",
    agent: str = "Mozilla/5.0 (X11; Linux x86_64)",
    number: int = 0,
) -> str:
    """One request. 1795829959123 ms are on 2026-11-28."""
    request = f"{number:032x}"
    return f"HIT|{status}|{ms}|{size}|390|203.0.113.0|https://shop.example.org/|{url}|DE|{agent}|{request}|DE"


def write(path: Path, lines: Sequence[str], *, packed: bool = False, end: str = "\n") -> Path:
    """A log file; `end` is what its last line ends with."""
    content = ("\n".join(lines) + end).encode()
    path.write_bytes(gzip.compress(content) if packed else content)
    return path
