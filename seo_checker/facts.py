"""What was read of a site, for the rules. Values only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a URL was answered. `status` is 0 where nothing came, and `error` says why.

    `headers` have names in lower case. `location`: where a redirect leads. `is_whole`: no part of the body is missing.
    """

    url: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    location: str | None = None
    is_whole: bool = True
    error: str = ""

    @property
    def ok(self) -> bool:
        return self.status in (200, 206)

    @property
    def kind(self) -> str:
        """The media type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def __str__(self) -> str:
        if self.error:
            return self.error
        return f"it is answered with {self.status}" + (f", which leads to {self.location}" if self.location else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tag:
    """An element of the video extension: its name, text and attributes."""

    name: str
    text: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """One <video:video> of a sitemap."""

    tags: tuple[Tag, ...]

    def all(self, name: str) -> list[Tag]:
        return [tag for tag in self.tags if tag.name == name]

    def __getitem__(self, name: str) -> str:
        """The text of the first element with this name; empty without one."""
        return next((tag.text for tag in self.tags if tag.name == name), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One <url> or <sitemap>. `sitemap`: the file that names it; `alternates`: (language, URL) of other versions."""

    loc: str
    sitemap: str
    lastmods: tuple[str, ...] = ()
    videos: tuple[Video, ...] = ()
    alternates: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitemap:
    """A file of the sitemap. `size` is that of the XML, unzipped. `problems`: what is not as the schema has it.

    `parent`: the index that names it, None for one that robots.txt names.
    """

    url: str
    answer: Answer
    parent: str | None = None
    is_index: bool = False
    size: int = 0
    entries: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """What a page's HTML says, as it is before any script runs.

    `metas`: (name or property, content); `links`: the attributes of each <link>; `players`: the attributes of each
    <video>, <iframe>, <embed> and <object>, with the element's name as `element`; `structured`: the values of its
    JSON-LD; `broken`: why one of them cannot be read. `h1` and `words` are visible text.
    """

    language: str = ""
    title: str = ""
    h1: tuple[str, ...] = ()
    words: str = ""
    metas: tuple[tuple[str, str], ...] = ()
    links: tuple[Mapping[str, str], ...] = ()
    players: tuple[Mapping[str, str], ...] = ()
    structured: tuple[Any, ...] = ()
    broken: tuple[str, ...] = ()

    def meta(self, name: str) -> str:
        """The content of the first meta tag with this name or property; empty without one."""
        return next((content for own, content in self.metas if own == name), "")

    def linked(self, rel: str) -> list[Mapping[str, str]]:
        return [link for link in self.links if rel in link.get("rel", "").lower().split()]

    @property
    def canonical(self) -> str:
        return next((link.get("href", "") for link in self.linked("canonical")), "")

    @property
    def alternates(self) -> tuple[tuple[str, str], ...]:
        """(language, URL) of the page's versions in other languages."""
        return tuple(
            (link["hreflang"], link.get("href", "")) for link in self.linked("alternate") if link.get("hreflang")
        )

    @property
    def oembeds(self) -> tuple[tuple[str, str], ...]:
        """(type, URL) of the descriptions for other sites."""
        return tuple(
            (link.get("type", "").lower(), link.get("href", ""))
            for link in self.linked("alternate")
            if link.get("type", "").lower().endswith("+oembed")
        )

    @property
    def videos(self) -> tuple[Mapping[str, Any], ...]:
        """The VideoObjects."""
        return tuple(one for one in self.structured if "VideoObject" in types_of(one))


def types_of(value: Any) -> tuple[str, ...]:
    """@type of a value of JSON-LD, which is a name or several."""
    kinds = value.get("@type") if isinstance(value, Mapping) else None
    return tuple(one for one in (kinds if isinstance(kinds, list) else [kinds]) if isinstance(one, str))


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as its first bytes say it: media type, and size in pixels where the form has one."""

    kind: str
    width: int | None = None
    height: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """What is behind a URL that a page gives. `head`: the same asked for without a body; `below`: playlists down to a
    segment; `document`: of a page.
    """

    answer: Answer
    head: Answer | None = None
    below: tuple[Answer, ...] = ()
    picture: Picture | None = None
    document: Document | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A page of the sitemap with everything that it and its entry lead to, by URL."""

    entry: Entry
    answer: Answer
    document: Document
    reached: Mapping[str, Reached] = field(default_factory=dict)
    robots: Mapping[str, "Robots"] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return self.entry.loc

    @property
    def video(self) -> Video | None:
        return self.entry.videos[0] if self.entry.videos else None

    @property
    def object(self) -> Mapping[str, Any]:
        """The VideoObject; empty without one."""
        return self.document.videos[0] if self.document.videos else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Rules of robots.txt for some crawlers: (is it allowed, pattern)."""

    agents: tuple[str, ...]
    rules: tuple[tuple[bool, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Robots:
    """robots.txt of a host."""

    answer: Answer
    groups: tuple[Group, ...] = ()
    sitemaps: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What concerns all pages. `robots` by origin (scheme and host), `base`: the site's own.

    `named`: the sitemaps that its robots.txt names; `files`: those that were read; `listed`: how many pages they name,
    `origins`: of which hosts. `titles` and `descriptions`: those of several pages, with two of these.
    """

    base: str
    robots: Mapping[str, Robots]
    named: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    listed: int = 0
    origins: tuple[str, ...] = ()
    titles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    descriptions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
