"""The crawl: from robots.txt over the sitemaps to every page, and what the rules find on the way.

In: the base URL of a site. Out: a Report. A page is looked at and forgotten, so that a site of any size fits in memory.
Refuses (CannotCheck) what is no http or https URL.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from seo_checker import rules
from seo_checker.errors import CannotCheck
from seo_checker.facts import Entry, Site, Sitemap, Visit
from seo_checker.fetch import CrawlLimits, web
from seo_checker.gather import Reader
from seo_checker.rules import Finding, Severity
from seo_checker.urls import is_absolute, origin

USUAL = "/sitemap.xml"  # where a sitemap is that robots.txt does not name
Progress = Callable[[int, int], None]  # pages looked at, pages known of


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was looked at and found. `listed`: pages of the sitemap; `pages`: those that were looked at."""

    base: str
    findings: tuple[Finding, ...]
    files: int
    listed: int
    pages: int
    requests: int
    seconds: float

    @property
    def ok(self) -> bool:
        return not any(one.severity is Severity.ERROR for one in self.findings)


@dataclass(slots=True)
class _Shared:
    """Texts of pages, and two pages of those that several have."""

    pages: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def add(self, text: str, url: str) -> None:
        known = self.pages.get(text, ())
        if text and len(known) < 2 and url not in known:
            self.pages[text] = (*known, url)

    def shared(self) -> dict[str, tuple[str, ...]]:
        return {text: urls for text, urls in self.pages.items() if len(urls) > 1}


@dataclass(slots=True)
class _Crawl:
    """One crawl while it runs: what it has seen of the site and found so far."""

    base: str
    reader: Reader
    limits: CrawlLimits
    on_progress: Progress
    findings: list[Finding] = field(default_factory=list)
    titles: _Shared = field(default_factory=_Shared)
    descriptions: _Shared = field(default_factory=_Shared)
    files: int = 0
    read: list[str] = field(default_factory=list)
    hosts: dict[str, str] = field(default_factory=dict)
    listed: int = 0
    known: int = 0
    pages: int = 0

    async def run(self) -> None:
        own = await self.reader.robots(self.base)
        async for file in self.reader.sitemaps(own.sitemaps or [self.base + USUAL]):
            self.files += 1
            if file.entries or (file.answer.status == 200 and not file.problems):
                self.read.append(file.url)
            self.findings += rules.of_file(file)
            if not file.is_index:
                await self._pages(file)
        robots = {
            host: await self.reader.robots(url) for host, url in {origin(self.base): self.base, **self.hosts}.items()
        }
        site = Site(
            base=self.base,
            robots=robots,
            named=own.sitemaps,
            files=tuple(self.read),
            listed=self.listed,
            origins=tuple(self.hosts),
            titles=self.titles.shared(),
            descriptions=self.descriptions.shared(),
        )
        self.findings += rules.of_site(site)

    async def _pages(self, file: Sitemap) -> None:
        self.listed += len(file.entries)
        for entry in file.entries:
            if is_absolute(entry.loc):
                self.hosts.setdefault(origin(entry.loc), entry.loc)
        wanted = [one for one in file.entries if is_absolute(one.loc) and self.limits.only in one.loc]
        if self.limits.pages is not None:
            wanted = wanted[: max(0, self.limits.pages - self.known)]
        self.known += len(wanted)
        self.on_progress(self.pages, self.known)
        await self._each(wanted)

    async def _each(self, entries: Iterable[Entry]) -> None:
        """Every page, a few at once."""
        waiting = iter(entries)

        async def look() -> None:
            for entry in waiting:
                self._note(await self.reader.visit(entry))

        async with asyncio.TaskGroup() as group:
            for _ in range(self.limits.parallel):
                group.create_task(look())

    def _note(self, visit: Visit) -> None:
        self.findings += rules.of_page(visit)
        self.titles.add(visit.document.title, visit.url)
        self.descriptions.add(visit.document.meta("description"), visit.url)
        self.pages += 1
        self.on_progress(self.pages, self.known)


async def crawl(
    url: str, *, limits: CrawlLimits | None = None, on_progress: Progress = lambda _done, _known: None
) -> Report:
    """Look at the site. Raises CannotCheck."""
    limits = limits or CrawlLimits()
    if not is_absolute(url):
        raise CannotCheck(f"{url}: no http or https URL of a site")
    base, started = origin(url), time.monotonic()
    async with web(limits) as asked:
        crawl_ = _Crawl(base=base, reader=Reader(asked), limits=limits, on_progress=on_progress)
        own = await crawl_.reader.robots(base)
        if own.answer.status == 0:
            raise CannotCheck(f"{own.answer.url}: {own.answer.error}")
        await crawl_.run()
    order = list(Severity)
    return Report(
        base=base,
        findings=tuple(sorted(crawl_.findings, key=lambda one: (order.index(one.severity), one.rule, one.url))),
        files=crawl_.files,
        listed=crawl_.listed,
        pages=crawl_.pages,
        requests=asked.requests,
        seconds=time.monotonic() - started,
    )
