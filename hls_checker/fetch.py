"""Files of a published title, over HTTP or from a folder, within limits.

In: a URL. Out: its bytes and how they came. Refuses (CannotRead) what is not there, too large, too slow, or elsewhere
than the title may name: from the network no local files, from a folder nothing outside it. Requests are those of a
player in a browser: compressed, and from another site.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiohttp

from hls_checker.errors import CheckError
from hls_checker.facts import PLAYER_ORIGIN, Answer
from hls_checker.listed import Span

PLAYER = {"Accept-Encoding": "gzip", "Origin": PLAYER_ORIGIN, "User-Agent": "kadr-check"}
BLOCK_BYTES = 256 * 1024


class CannotRead(CheckError):
    """A file could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckLimits:
    """Limits of one check: concurrent requests, bytes and seconds per file and in total."""

    parallel: int = 8
    file_bytes: int = 64 * 1024**2
    total_bytes: int = 64 * 1024**3
    file_s: float = 60
    total_s: float = 3600


class Files:
    """Reads files within the limits of one check."""

    def __init__(self, session: aiohttp.ClientSession, root_url: str, limits: CheckLimits) -> None:
        self._session = session
        self._root = Path(unquote(urlsplit(root_url).path)).parent if root_url.startswith("file:") else None
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.parallel)
        self._read_bytes = 0

    async def read(self, url: str, span: Span | None = None) -> tuple[bytes, Answer]:
        """A whole file, or a part of it. Raises CannotRead."""
        async with self._slots:
            if urlsplit(url).scheme == "file":
                body, answer = await asyncio.to_thread(self._local, url, span)
            else:
                body, answer = await self._remote(url, span)
        self._read_bytes += len(body)
        if self._read_bytes > self._limits.total_bytes:
            raise CannotRead(f"all files together have more than {self._limits.total_bytes} bytes")
        return body, answer

    async def exists(self, url: str) -> bool:
        """Whether a file is there, without reading its bytes."""
        if urlsplit(url).scheme == "file":
            return await asyncio.to_thread(Path(unquote(urlsplit(url).path)).is_file)
        try:
            async with self._slots, self._session.head(url, headers=PLAYER, allow_redirects=True) as answer:
                return answer.status == 200
        except (aiohttp.ClientError, TimeoutError):
            return False

    def _local(self, url: str, span: Span | None) -> tuple[bytes, Answer]:
        path = Path(unquote(urlsplit(url).path)).resolve()
        if self._root is None or not path.is_relative_to(self._root.resolve()):
            raise CannotRead("it is a local file outside the folder of the playlist")
        try:
            size = path.stat().st_size
            if not path.is_file() or size > self._limits.file_bytes:
                raise CannotRead(f"it has {size} bytes, more than is read" if path.is_file() else "it is no file")
            body = path.read_bytes()
        except OSError as exc:
            raise CannotRead("it is not there" if isinstance(exc, FileNotFoundError) else str(exc)) from exc
        body = _part(body, span) if span else body
        return body, Answer(url=url, status=200, headers={}, redirected=False, size_bytes=len(body))

    async def _remote(self, url: str, span: Span | None) -> tuple[bytes, Answer]:
        headers = {**PLAYER, "Range": f"bytes={span.start}-{span.end - 1}"} if span else PLAYER
        timeout = aiohttp.ClientTimeout(total=self._limits.file_s, sock_connect=10)
        try:
            async with self._session.get(url, headers=headers, timeout=timeout, max_redirects=5) as answer:
                if answer.status not in (200, 206):
                    raise CannotRead(f"it is answered with {answer.status}")
                body = bytearray()
                async for block in answer.content.iter_chunked(BLOCK_BYTES):
                    body += block
                    if len(body) > self._limits.file_bytes:
                        raise CannotRead(f"it has more than the {self._limits.file_bytes} bytes that are read")
                facts = Answer(
                    url=url,
                    status=answer.status,
                    headers={name.lower(): value for name, value in answer.headers.items()},
                    redirected=bool(answer.history),
                    size_bytes=len(body),
                )
        except (aiohttp.ClientError, ValueError) as exc:
            raise CannotRead(f"it cannot be read: {exc or exc!r}") from exc
        except TimeoutError as exc:
            raise CannotRead(f"it did not come within {self._limits.file_s:g} s") from exc
        if span and facts.status == 200:  # a server without ranges sends the whole
            return _part(bytes(body), span), facts
        return bytes(body), facts


def _part(body: bytes, span: Span) -> bytes:
    if span.end > len(body):
        raise CannotRead(f"bytes {span.start} to {span.end} are named, it has {len(body)}")
    return body[span.start : span.end]


@asynccontextmanager
async def files(root_url: str, limits: CheckLimits) -> AsyncIterator[Files]:
    """A reader for the files of one title; closes its connections at the end."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar()) as session:
        yield Files(session, root_url, limits)
