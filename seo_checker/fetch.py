"""Asks a site for what a crawler would read, gently: a few requests at once, so many a second, within limits.

In: a URL. Out: an Answer, whatever becomes of it. Redirects are not followed unless that is asked for, since engines
and messengers count them.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urljoin

import aiohttp
from yarl import URL

from seo_checker.facts import Answer

CRAWLER = {"Accept-Encoding": "gzip", "User-Agent": "kadr-check"}
BLOCK_BYTES = 64 * 1024
MOST_REDIRECTS = 5
DEFAULT_RATE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CrawlLimits:
    """How much a crawl asks for. `rate`: requests a second; `pages`: how many of the sitemap are read, None for all.

    `only`: pages with this text in their URL.
    """

    rate: float = DEFAULT_RATE
    parallel: int = 4
    pages: int | None = None
    only: str = ""
    file_s: float = 30
    page_bytes: int = 16 * 1024**2


class Web:
    """Asks within the limits of one crawl."""

    def __init__(self, session: aiohttp.ClientSession, limits: CrawlLimits) -> None:
        self._session = session
        self._limits = limits
        self._slots = asyncio.Semaphore(limits.parallel)
        self._next = time.monotonic()
        self.requests = 0

    async def get(
        self, url: str, *, most_bytes: int | None = None, follow: bool = False, span: str | None = None
    ) -> Answer:
        """The answer with at most so many bytes of its body. `span`: a byte range, as in "0-1023"."""
        headers = CRAWLER if span is None else {"User-Agent": CRAWLER["User-Agent"], "Range": f"bytes={span}"}
        answer = await self._ask("GET", url, headers, most_bytes or self._limits.page_bytes)
        for _ in range(MOST_REDIRECTS if follow else 0):
            if not answer.location:
                break
            answer = await self._ask("GET", answer.location, headers, most_bytes or self._limits.page_bytes)
        return answer

    async def head(self, url: str) -> Answer:
        """The answer without a body."""
        return await self._ask("HEAD", url, CRAWLER, 0)

    async def _ask(self, method: str, url: str, headers: dict[str, str], most_bytes: int) -> Answer:
        if not url.lower().startswith(("http://", "https://")):
            return Answer(url=url, status=0, error="it is no absolute http or https URL")
        async with self._slots:
            await self._turn()
            try:
                return await self._asked(method, url, headers, most_bytes)
            except (aiohttp.ClientError, ValueError, OSError) as exc:
                return Answer(url=url, status=0, error=f"it cannot be read: {exc or exc!r}")
            except TimeoutError:
                return Answer(url=url, status=0, error=f"it did not come within {self._limits.file_s:g} s")

    async def _asked(self, method: str, url: str, headers: dict[str, str], most_bytes: int) -> Answer:
        timeout = aiohttp.ClientTimeout(total=self._limits.file_s, sock_connect=10)
        body = bytearray()
        is_whole = True
        async with self._session.request(
            method, URL(url, encoded=url.isascii()), headers=headers, timeout=timeout, allow_redirects=False
        ) as answer:
            async for block in answer.content.iter_chunked(BLOCK_BYTES):
                body += block
                if len(body) > most_bytes:
                    is_whole = False
                    break
            location = answer.headers.get("Location") if 300 <= answer.status < 400 else None
            return Answer(
                url=url,
                status=answer.status,
                headers={name.lower(): value for name, value in answer.headers.items()},
                body=bytes(body[:most_bytes]),
                location=urljoin(url, location) if location else None,
                is_whole=is_whole,
            )

    async def _turn(self) -> None:
        """Wait until one more request may begin."""
        self.requests += 1
        now = time.monotonic()
        self._next = max(self._next, now) + 1 / self._limits.rate
        await asyncio.sleep(self._next - 1 / self._limits.rate - now)


@asynccontextmanager
async def web(limits: CrawlLimits) -> AsyncIterator[Web]:
    """Connections for one crawl; closed at its end. No cookies: crawlers have none."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        yield Web(session, limits)
