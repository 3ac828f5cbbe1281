"""Reads sitemaps and their indexes by the schemas of sitemaps.org and of the video extension. Pure."""

import zlib
from collections.abc import Iterator
from io import BytesIO
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from seo_checker.facts import Answer, Entry, Sitemap, Tag, Video

PROTOCOL = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
VIDEO = "{http://www.google.com/schemas/sitemap-video/1.1}"
ALTERNATE = "{http://www.w3.org/1999/xhtml}link"
MOST_BYTES = 52_428_800
_KNOWN = {
    "urlset": ("loc", "lastmod", "changefreq", "priority"),
    "sitemapindex": ("loc", "lastmod"),
}
_MOST_PROBLEMS = 20


def read(answer: Answer, parent: str | None = None) -> Sitemap:
    """The file with its entries. What cannot be read is in `problems`; what comes after that is not read."""
    url = answer.url
    if answer.status != 200:
        return Sitemap(url=url, answer=answer, parent=parent)
    try:
        xml = _unzipped(answer.body)
    except zlib.error:
        return Sitemap(url=url, answer=answer, parent=parent, problems=("it is not gzip, as its first bytes say",))
    problems: list[str] = []
    entries: list[Entry] = []
    root = ""
    if b"<!DOCTYPE" in xml:  # which could name files, or grow to any size
        problems.append("it has a document type")
    else:
        try:
            root = _root(xml, problems)
            if not problems:
                entries.extend(_entries(xml, url, root, problems))  # what stands before a place where it breaks off
        except ElementTree.ParseError as exc:
            problems.append(f"it is no well-formed XML: {exc}")
    return Sitemap(
        url=url,
        answer=answer,
        parent=parent,
        is_index=root == "sitemapindex",
        size=len(xml),
        entries=tuple(entries),
        problems=tuple(dict.fromkeys(problems))[:_MOST_PROBLEMS],
    )


def _unzipped(body: bytes) -> bytes:
    """A file that is gzipped itself, unzipped until it is too large."""
    return zlib.decompressobj(wbits=31).decompress(body, MOST_BYTES + 1) if body.startswith(b"\x1f\x8b") else body


def _root(xml: bytes, problems: list[str]) -> str:
    for _, element in ElementTree.iterparse(BytesIO(xml), events=("start",)):  # noqa: S314 - no document type
        name = str(element.tag).removeprefix(PROTOCOL)
        if not element.tag.startswith(PROTOCOL) or name not in _KNOWN:
            problems.append(f"its root is {element.tag}, neither urlset nor sitemapindex of {PROTOCOL[1:-1]}")
        return name
    return ""


def _entries(xml: bytes, url: str, root: str, problems: list[str]) -> Iterator[Entry]:
    """One entry after the other, with only one in memory."""
    wanted = "url" if root == "urlset" else "sitemap"
    depth, top = 0, None
    for event, element in ElementTree.iterparse(BytesIO(xml), events=("start", "end")):  # noqa: S314
        depth += 1 if event == "start" else -1
        top = element if top is None else top
        if event == "end" and depth == 1:
            if element.tag == PROTOCOL + wanted:
                yield _entry(element, url, root, problems)
            else:
                problems.append(f"{_short(element.tag)} stands in {root}")
            top.clear()


def _entry(element: Element, sitemap: str, root: str, problems: list[str]) -> Entry:
    videos: list[Video] = []
    alternates: list[tuple[str, str]] = []
    found: dict[str, list[str]] = {name: [] for name in _KNOWN[root]}
    for child in element:
        name = child.tag.removeprefix(PROTOCOL)
        if child.tag.startswith(PROTOCOL) and name in found:
            found[name].append((child.text or "").strip())
        elif child.tag == VIDEO + "video":
            videos.append(_video(child, problems))
        elif child.tag == ALTERNATE:
            alternates.append((child.get("hreflang", ""), child.get("href", "")))
        elif child.tag.startswith((PROTOCOL, VIDEO)) or not child.tag.startswith("{"):
            problems.append(f"{_short(child.tag)} stands in {_short(element.tag)}")
    if repeated := [name for name, values in found.items() if len(values) > 1]:
        problems.append(f"{repeated[0]} stands more than once in {_short(element.tag)}")
    return Entry(
        loc=(found["loc"] or [""])[0],
        sitemap=sitemap,
        lastmods=tuple(found["lastmod"]),
        videos=tuple(videos),
        alternates=tuple(alternates),
    )


def _video(element: Element, problems: list[str]) -> Video:
    tags = []
    for child in element:
        if child.tag.startswith(VIDEO):
            tags.append(
                Tag(name=child.tag.removeprefix(VIDEO), text=(child.text or "").strip(), attributes=child.attrib)
            )
        else:
            problems.append(f"{_short(child.tag)} stands in video:video")
    return Video(tags=tuple(tags))


def _short(tag: str) -> str:
    """The name of an element as one writes it."""
    return tag.replace(VIDEO, "video:").replace(PROTOCOL, "")
