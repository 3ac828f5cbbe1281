"""Download a file from a URL given by a client: public addresses only, checked at the socket.

In: a URL and bounds. Out: a file on disk and its SHA-256. Every address is judged at the moment its socket is made,
whatever led there: a name, a literal in any notation, a redirect. So nothing that a name resolves to later, and no
redirect, reaches what only this machine can reach. Refuses private addresses, other ports than 80 and 443, other
schemes than http and https, credentials in the URL. Uses no proxy, no cookies, no netrc.
"""

import asyncio
import errno
import hashlib
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any, BinaryIO

import aiohttp
from yarl import URL

from core.errors import ConfigError, KadrError, Rejected, Transient
from core.media.head import Head

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

PORTS = frozenset({80, 443})
MAX_REDIRECTS = 5
CONNECT_S = 10.0
READ_S = 30.0
ANSWER_S = 60.0  # until the headers are there, however many bytes of them come
RATE_OVER_S = 30.0  # the rate is that of so many seconds
BLOCK_BYTES = 1024 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TRY_AGAIN = frozenset({408, 425, 429})
_NO_SUCH_NAME = frozenset({socket.EAI_NONAME, socket.EAI_NODATA})

_UNICAST_6 = IPv6Network("2000::/3")  # RFC 4291, 2.4: all global unicast there is so far
_NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, 2.1; the local-use 64:ff9b:1::/48 is none of ours
# What `is_global` of one Python or another lets pass and what is not a host of the public internet.
_NOT_PUBLIC = (
    IPv4Network("192.0.0.0/24"),  # RFC 6890: protocol assignments; .192 is Oracle's metadata service
    IPv4Network("192.88.99.0/24"),  # RFC 7526: the 6to4 relays that were
    IPv4Network("168.63.129.16/32"),  # Azure's host, reachable from each of its guests
    IPv6Network("2001::/23"),  # RFC 2928: protocol assignments
    IPv6Network("3fff::/20"),  # RFC 9637: documentation
)

_HINT = "Give an http or https URL on port 80 or 443 of a publicly reachable server."


async def fetch(
    url: str,
    out: Path,
    *,
    max_bytes: int,
    timeout_s: float,
    min_bytes_per_s: int = 0,
    allowed_networks: Sequence[str] = (),
    on_bytes: Callable[[int, int | None], None],
    on_head: Callable[[bytes], object] = lambda head: None,
) -> str:
    """Download the URL to `out` and return the SHA-256 of the content in hex.

    `on_bytes` is called with (received, announced or None) after every block, and `on_head` once, with the first
    HEAD_BYTES or all there is; what it raises comes out of here. A server that sends fewer than `min_bytes_per_s` over
    RATE_OVER_S is given up: Transient, as it may do better next time. Addresses in `allowed_networks` need not
    be public and may have any port. A partial file stays on an error. Raises Rejected(input_url_refused,
    input_url_failed, too_large, timed_out) or Transient; no message contains an address or the URL.
    """
    guard = Guard(parse_networks(allowed_networks))
    target = guard.check(parsed(url))
    try:
        async with asyncio.timeout(timeout_s) as wall, guarded_session(guard) as session:
            for _ in range(MAX_REDIRECTS + 1):
                guard.passed = guard.refused = False
                try:
                    # Redirects are followed here, so that each target is judged like the first one.
                    async with await _answer(session, target) as answer:
                        if answer.status not in _REDIRECTS:
                            pace = MinimumRate(min_bytes_per_s, time.monotonic())
                            return await _receive(answer, out, max_bytes, pace, on_bytes, on_head)
                        location = answer.headers.get("Location")
                except (aiohttp.ClientError, UnicodeError) as exc:
                    # Without its cause: aiohttp's messages carry addresses and the URL, which may be signed.
                    raise _translated(exc, guard) from None
                if not location:
                    raise _failed("The server sent a redirect without a target.")
                target = guard.check(parsed(location, base=target))
            raise _failed(f"The server redirects more than {MAX_REDIRECTS} times.")
    except TimeoutError:
        if not wall.expired():
            raise
        raise Rejected(
            "timed_out",
            f"The file could not be downloaded within {timeout_s:.0f} seconds.",
            "Try again later, or upload the file.",
        ) from None


def check_url(url: str, allowed_networks: Sequence[str] = (), *, tls_only: bool = False) -> None:
    """Checks a URL without any network access. Raises Rejected(input_url_refused)."""
    Guard(parse_networks(allowed_networks), tls_only=tls_only).check(parsed(url))


def is_public(address: Address) -> bool:
    """Whether an address, and each IPv4 address embedded in it, belongs to the public internet."""
    carried = _carried(address)
    if carried:
        return all(is_public(inner) for inner in carried)
    if isinstance(address, IPv6Address) and (address not in _UNICAST_6 or address.scope_id):
        return False
    if any(address in network for network in _NOT_PUBLIC):
        return False
    return address.is_global and not (address.is_multicast or address.is_reserved or address.is_unspecified)


def _carried(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses inside an IPv6 address that a kernel, gateway or relay unwraps."""
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (IPv4Address(address.packed[-4:]),)
    if address.sixtofour:
        return (address.sixtofour,)
    return address.teredo or ()  # (server, client)


def _may_connect(address: Address, port: int, networks: Sequence[Network]) -> bool:
    if any(address in network for network in networks):
        return True
    carried = _carried(address)
    if carried:
        return all(_may_connect(inner, port, networks) for inner in carried)
    return port in PORTS and is_public(address)


class Guard:
    """Checks every target before it is resolved and every address before a socket is created.

    `networks`: may be reached although they are not public, on any port. `tls_only`: plain http only there.
    """

    def __init__(self, networks: Sequence[Network], *, tls_only: bool = False) -> None:
        self._networks = networks
        self._tls_only = tls_only
        self._inside_only = False  # this target may be reached inside `networks` only
        self.passed = False  # of this target: some address was connected to, or tried
        self.refused = False  # of this target: some address was not even tried

    def socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Socket factory for TCPConnector. Raises PermissionError for an address that may not be connected to."""
        family, kind, protocol, _, (host, port, *_) = info
        address = _literal(str(host))
        if address is None or not self._may_connect(address, int(port)):
            self.refused = True
            raise PermissionError(errno.EACCES, "not a public address")
        self.passed = True
        return socket.socket(family, kind, protocol)

    def check(self, url: URL) -> URL:
        """The same URL. Raises Rejected(input_url_refused) where the URL itself is not allowed."""
        host, port = url.host, url.port
        if url.scheme not in ("http", "https"):
            raise _refused("Only http and https URLs are supported.")
        self._inside_only = self._tls_only and url.scheme == "http"
        if self._inside_only and not self._networks:
            raise _refused("Only https URLs are supported.")
        if url.user is not None or url.password is not None:
            raise _refused("URLs with a user name or password are not supported.")
        if not host or port is None:
            raise _refused("The URL has no host name.")
        address = _literal(host.rstrip("."))
        if address is None:
            if _looks_numeric(host.rstrip(".")):
                raise _refused("The IP address in the URL has an unsupported form.")
            # A name may lie in an allowed network, where any port will do: the socket will tell.
            if port not in PORTS and not self._networks:
                raise _refused("Only ports 80 and 443 are supported.")
        elif not self._may_connect(address, port):
            raise _refused("The URL's address is not public.")
        return url

    def _may_connect(self, address: Address, port: int) -> bool:
        if self._inside_only:
            return any(address in network for network in self._networks)
        return _may_connect(address, port, self._networks)


def guarded_session(guard: Guard, *, keep_alive: bool = False) -> aiohttp.ClientSession:
    """A session that connects only where the guard lets it: no proxy, no cookies, no netrc, no name remembered."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            socket_factory=guard.socket,
            resolver=aiohttp.ThreadedResolver(),
            use_dns_cache=False,
            force_close=not keep_alive,
        ),
        headers={"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "Kadr"},
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S, sock_read=READ_S),
        read_bufsize=BLOCK_BYTES,
        auto_decompress=False,
        trust_env=False,
    )


async def _answer(session: aiohttp.ClientSession, target: URL) -> aiohttp.ClientResponse:
    """The response once its headers are there. Raises Transient where they take too long."""
    try:
        async with asyncio.timeout(ANSWER_S) as wall:
            return await session.get(target, allow_redirects=False)
    except TimeoutError:
        if not wall.expired():
            raise
        raise Transient(f"The server of the input URL did not answer within {ANSWER_S:.0f} seconds.") from None


class MinimumRate:
    """Watches that bytes come fast enough. Pure: it is told the time."""

    def __init__(self, min_bytes_per_s: int, now: float) -> None:
        self._least = min_bytes_per_s * RATE_OVER_S
        self._since, self._received = now, 0

    def took(self, count: int, now: float) -> None:
        """Count bytes that have come. Raises Transient where a whole period brought too few."""
        self._received += count
        if now - self._since < RATE_OVER_S:
            return
        if self._received < self._least:
            raise Transient(f"The server of the input URL is too slow: {self._received} bytes in {RATE_OVER_S:.0f} s.")
        self._since, self._received = now, 0


async def _receive(
    answer: aiohttp.ClientResponse,
    out: Path,
    max_bytes: int,
    pace: MinimumRate,
    on_bytes: Callable[[int, int | None], None],
    on_head: Callable[[bytes], object],
) -> str:
    """Write the response body to `out` and return its SHA-256 in hex."""
    if answer.status >= 500 or answer.status in _TRY_AGAIN:
        raise Transient(f"The server of the input URL answered {answer.status}.")
    if answer.status != 200:
        raise _failed(f"The server answered {answer.status}, not 200.")
    if (coding := answer.headers.get("Content-Encoding", "identity").strip().lower()) not in ("", "identity"):
        raise Rejected(
            "input_url_failed",
            f"The server sent the file compressed ({coding[:20]!r} in Content-Encoding).",
            "Switch compression off for this file on the server, or upload the file.",
        )
    announced = answer.content_length
    if announced is not None and announced > max_bytes:
        raise _too_large(max_bytes)
    digest, received, head = hashlib.sha256(), 0, Head(on_head)
    with out.open("wb") as file:
        async for block in answer.content.iter_chunked(BLOCK_BYTES):
            received += len(block)
            if received > max_bytes:
                raise _too_large(max_bytes)
            pace.took(len(block), time.monotonic())
            head.took(block)
            await asyncio.to_thread(_absorb, file, digest, block)
            on_bytes(received, announced)
    if announced is not None and received != announced:
        raise Transient(f"The input URL sent {received} of {announced} bytes.")
    head.end()
    return digest.hexdigest()


def _absorb(file: BinaryIO, digest: Any, block: bytes) -> None:
    file.write(block)
    digest.update(block)


def _translated(exc: aiohttp.ClientError | UnicodeError, guard: Guard) -> KadrError:
    """A client error as Rejected or Transient, without addresses or the URL."""
    if guard.refused and not guard.passed:
        return _refused("The URL does not lead to a public server.")
    match exc:
        case aiohttp.ClientConnectorDNSError() if exc.os_error.errno not in _NO_SUCH_NAME:
            return Transient("The host name of the input URL could not be resolved.")
        case aiohttp.ClientConnectorDNSError() | UnicodeError():
            return _failed("The host name of the input URL does not exist.")
        case aiohttp.ClientConnectorCertificateError():
            return _failed("The server's certificate is not valid.")
        case aiohttp.ClientSSLError() if not isinstance(exc.os_error, ssl.SSLEOFError):
            return _failed("A secure connection to the server is not possible.")
        case aiohttp.InvalidURL():
            return _refused("The URL has an unsupported form.")
        case aiohttp.ClientResponseError():
            return _failed("The server's answer is not HTTP.")
        case _:
            return Transient(f"Reading the input URL failed: {type(exc).__name__}.")


def parsed(text: str, base: URL | None = None) -> URL:
    """Parse a URL without changing it, because it may be signed; only what cannot be sent as it is gets quoted."""
    text = text.strip()
    if not text.isprintable():
        raise _refused("The URL contains unprintable characters.")
    try:
        url = URL(text, encoded=text.isascii() and " " not in text)
        if base is not None:
            url = base.join(url)
        _ = url.host, url.port, url.user, url.raw_path_qs  # yarl looks at some of them only now
    except ValueError:
        raise _refused("This is not a valid URL.") from None
    return url


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def _looks_numeric(host: str) -> bool:
    """Whether the C library takes this name for an IPv4 address: 2130706433, 0x7f.1, 0177.0.0.1, 127.1."""
    try:
        socket.inet_aton(host)
    except (OSError, UnicodeError):
        return False
    return True


def parse_networks(texts: Sequence[str], setting: str = "KADR_INPUT_URL_NETWORKS") -> tuple[Network, ...]:
    """IP networks from CIDR texts. Raises ConfigError that names the setting."""
    try:
        return tuple(ip_network(text) for text in texts)
    except ValueError as exc:
        raise ConfigError(f"{setting}: {exc}; accepted are networks like 10.1.0.0/16,fd12::/64") from exc


def _refused(message: str) -> Rejected:
    return Rejected("input_url_refused", message, _HINT)


def _failed(message: str) -> Rejected:
    return Rejected(
        "input_url_failed", message, "Check that the URL opens in a private browser window, then try again."
    )


def _too_large(max_bytes: int) -> Rejected:
    return Rejected("too_large", f"The file is larger than {max_bytes} bytes.", "Export it at a lower bitrate.")
