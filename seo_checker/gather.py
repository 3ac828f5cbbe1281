"""Reads a site as crawlers do: robots.txt, the sitemaps, a page and everything that it leads to."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from urllib.parse import urlsplit

from seo_checker import html_page, picture_header, playlist, robots_file, sitemap_file
from seo_checker.facts import Answer, Document, Entry, Reached, Robots, Sitemap, Visit
from seo_checker.fetch import Web
from seo_checker.linked import Role, linked
from seo_checker.urls import is_absolute, origin

MOST_PICTURE_BYTES = 20 * 1024**2
FIRST_BYTES = 64 * 1024  # of a segment, which are enough to see that it is there
PLAYLISTS = 3  # a multivariant playlist, a media playlist, a segment


class Reader:
    """Reads the parts of one site; robots.txt of each host once."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._robots: dict[str, asyncio.Task[Robots]] = {}

    async def robots(self, url: str) -> Robots:
        """robots.txt of the URL's host."""
        host = origin(url)
        if host not in self._robots:
            self._robots[host] = asyncio.create_task(self._read_robots(host))
        return await asyncio.shield(self._robots[host])

    async def sitemaps(self, urls: Iterable[str]) -> AsyncIterator[Sitemap]:
        """The files at these URLs and all that they name, one after the other, each once."""
        waiting: list[tuple[str, str | None]] = [(url, None) for url in dict.fromkeys(urls)]
        known = {url for url, _ in waiting}
        while waiting:
            url, parent = waiting.pop(0)
            answer = await self._web.get(url, most_bytes=sitemap_file.MOST_BYTES + 1, follow=parent is None)
            file = await asyncio.to_thread(sitemap_file.read, answer, parent)
            yield file
            if file.is_index and parent is None:
                new = [one.loc for one in file.entries if one.loc not in known]
                waiting += [(loc, url) for loc in dict.fromkeys(new)]
                known.update(new)

    async def visit(self, entry: Entry) -> Visit:
        """A page and everything that it and its entry lead to."""
        answer = await self._web.get(entry.loc)
        document = html_page.read(answer.text) if answer.ok else Document()
        roles = linked(entry, document)
        reached = await asyncio.gather(*(self._reach(url, role) for url, role in roles.items()))
        hosts = {origin(url): url for url in (entry.loc, *roles) if is_absolute(url)}
        robots = await asyncio.gather(*(self.robots(url) for url in hosts.values()))
        return Visit(
            entry=entry,
            answer=answer,
            document=document,
            reached=dict(zip(roles, reached, strict=True)),
            robots=dict(zip(hosts, robots, strict=True)),
        )

    async def _read_robots(self, host: str) -> Robots:
        most = robots_file.MOST_BYTES + 1
        return robots_file.read(await self._web.get(f"{host}/robots.txt", most_bytes=most, follow=True))

    async def _reach(self, url: str, role: Role) -> Reached:
        if not is_absolute(url):
            return Reached(answer=Answer(url=url, status=0, error="it is no absolute http or https URL"))
        match role:
            case Role.PICTURE:
                answer = await self._web.get(url, most_bytes=MOST_PICTURE_BYTES)
                return Reached(answer=answer, picture=picture_header.read(answer.body) if answer.ok else None)
            case Role.MEDIA:
                return await self._media(url)
            case Role.PLAYER | Role.VERSION | Role.MOMENT:
                answer = await self._web.get(url)
                return Reached(answer=answer, document=html_page.read(answer.text) if answer.ok else None)
            case Role.OEMBED:
                return Reached(answer=await self._web.get(url))

    async def _media(self, url: str) -> Reached:
        """A file by its first bytes; a playlist down to the first segment."""
        head, first = await asyncio.gather(self._web.head(url), self._first(url))
        below: list[Answer] = []
        if is_playlist(first):
            text, base = first.text, url
            for _ in range(PLAYLISTS):
                found = playlist.following(text, base)
                if found is None:
                    break
                wanted = [found, playlist.init_segment(text, base)] if playlist.is_media(text) else [found]
                below += [await self._first(one) for one in wanted if one]
                if playlist.is_media(text) or not below[-1].ok:
                    break
                text, base = below[-1].text, found
        return Reached(answer=first, head=head, below=tuple(below))

    async def _first(self, url: str) -> Answer:
        """The beginning of a file, as a player asks for it; all of a playlist."""
        if urlsplit(url).path.lower().endswith((".m3u8", ".m3u")):
            return await self._web.get(url)
        return await self._web.get(url, most_bytes=FIRST_BYTES, span=f"0-{FIRST_BYTES - 1}")


def is_playlist(answer: Answer) -> bool:
    """Whether it is HLS."""
    return answer.body.startswith(b"#EXTM3U")
