"""A crawler that knows nothing of the site: it begins at what is public and follows every address it reads."""

import asyncio
import html
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from urllib.parse import urldefrag, urljoin, urlsplit

from tests.web import Answer, fetch

ROOTS = ("/", "/videos", "/ru/videos", "/sitemap.xml", "/robots.txt")
AT_ONCE = 4
_ADDRESSES = (
    re.compile(r"""\b(?:href|src|content|poster|action)=["']([^"']+)["']"""),
    re.compile(r"<(?:\w+:)?(?:\w+_)?loc>([^<]+)<"),
    re.compile(r"^Sitemap:\s*(\S+)", re.MULTILINE),
    re.compile(r'"((?:https?:/)?/[^"\s\\]+)"'),  # in JSON
    re.compile(r'\bURI="([^"]+)"'),
    re.compile(r"^(?!#)(\S+\.(?:m3u8|m4s|mp4|vtt)\S*)$", re.MULTILINE),  # in playlists
)
_TITLE = re.compile(r"pb_[0-9a-z]{26}", re.ASCII)
_WORDS = re.compile(r"[\s,]")  # what is in content="..." and is no address
_SCRIPTS = ("/static/", "/player/")


@dataclass(repr=False)
class Surface:
    """What was read, by URL."""

    read: dict[str, Answer] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Surface({sorted(self.read)})"

    def naming(self, words: Collection[str]) -> list[str]:
        """URLs that name one of the words: in the URL itself, in a header or in the text."""
        return [
            url
            for url, answer in self.read.items()
            if any(word in url or word.encode() in answer.body or word in str(answer.headers) for word in words)
        ]

    def paths(self) -> set[str]:
        return {urlsplit(url).path for url in self.read}


async def surface(site: str, titles: Collection[str], *more: str) -> Surface:
    """Everything that links lead to from ROOTS and `more`.

    `titles`: playback ids of titles whose pages are read. Those of other tests appear and vanish meanwhile; they are
    read as far as lists name them.
    """
    found = Surface()
    waiting = [site + path for path in (*ROOTS, *more)]
    known = set(waiting)
    while waiting:
        urls, waiting = waiting[:AT_ONCE], waiting[AT_ONCE:]
        for url, answer in zip(urls, await asyncio.gather(*map(fetch, urls)), strict=True):
            found.read[url] = answer
            new = [one for one in _addresses(url, answer) if one not in known and _followed(one, site, titles)]
            known.update(new)
            waiting += dict.fromkeys(new)
    return found


def _addresses(url: str, answer: Answer) -> list[str]:
    if not answer.headers.get("Content-Type", "").startswith(("text/", "application/")):
        return []
    text = answer.body.decode("utf-8", "replace")
    written = [one for form in _ADDRESSES for one in form.findall(text) if not _WORDS.search(one)]
    return [urldefrag(urljoin(url, html.unescape(one)))[0] for one in written if "{" not in one]


def _followed(url: str, site: str, titles: Collection[str]) -> bool:
    named = _TITLE.findall(url)
    is_own = all(one in titles for one in named) and " " not in url
    return url.startswith(f"{site}/") and is_own and not urlsplit(url).path.startswith(_SCRIPTS)
