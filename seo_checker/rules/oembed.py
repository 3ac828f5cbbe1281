"""Rules about oEmbed: that a page names it, and what it answers. Pure."""

import html
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any
from xml.etree import ElementTree

from seo_checker.facts import Reached, Visit
from seo_checker.forms import same_text
from seo_checker.linked import texts
from seo_checker.rules.rule import Book, Broken

RULES: Book[Visit] = Book()
OEMBED = "oEmbed 1.0"
TYPES = {
    "application/json+oembed": ("application/json",),
    "text/xml+oembed": ("text/xml", "application/xml"),
    "application/xml+oembed": ("text/xml", "application/xml"),
}
PICTURE = ("thumbnail_url", "thumbnail_width", "thumbnail_height")
_SOURCE = re.compile(r"""<iframe\b[^>]*?\ssrc=["']([^"']+)["']""", re.IGNORECASE)


def read(kind: str, reached: Reached) -> Mapping[str, str] | None:
    """The facts of an answer as text; None where it cannot be read."""
    try:
        if kind.startswith("application/json"):
            value: Any = json.loads(reached.answer.body)
            return {name: str(one) for name, one in value.items()} if isinstance(value, dict) else None
        if b"<!DOCTYPE" in reached.answer.body:
            return None
        return {one.tag: one.text or "" for one in ElementTree.fromstring(reached.answer.body)}  # noqa: S314 - no DTD
    except (ValueError, ElementTree.ParseError):
        return None


def _answers(visit: Visit) -> Iterator[tuple[str, str, Reached]]:
    """(type, URL, answer) of those the page names."""
    for kind, url in visit.document.oembeds:
        if url in visit.reached:
            yield kind, url, visit.reached[url]


def _described(visit: Visit) -> Iterator[tuple[str, Mapping[str, str]]]:
    for kind, url, reached in _answers(visit):
        if reached.answer.status == 200 and (facts := read(kind, reached)) is not None:
            yield url, facts


@RULES.warning(
    "oembed.discovery",
    "a page names its oEmbed",
    todo="Write link rel=alternate of the type application/json+oembed.",
    source=OEMBED,
)
def _(visit: Visit) -> Broken:
    if visit.answer.ok and visit.entry.videos and not visit.document.oembeds:
        yield visit.url, "it names none"


@RULES.error(
    "oembed.status",
    "oEmbed answers 200 with the type it is",
    todo="Answer JSON or XML as the link says.",
    source=OEMBED,
)
def _(visit: Visit) -> Broken:
    for kind, url, reached in _answers(visit):
        if reached.answer.status != 200:
            yield url, str(reached.answer)
        elif reached.answer.kind not in TYPES.get(kind, ()):
            yield url, f"its type is {reached.answer.kind!r}, the link says {kind}"
        elif read(kind, reached) is None:
            yield url, "it cannot be read"


@RULES.error(
    "oembed.fields",
    "a video has type, version, html, width and height; a thumbnail has both sizes",
    todo="Write it; the three of the thumbnail together or not at all.",
    source=OEMBED,
)
def _(visit: Visit) -> Broken:
    for url, facts in _described(visit):
        for name in ("type", "version", "html", "width", "height"):
            if not facts.get(name):
                yield url, f"{name} is missing"
        if facts.get("version") not in (None, "", "1.0"):
            yield url, f"version is {facts['version']!r}"
        for name in ("width", "height", *PICTURE[1:]):
            if facts.get(name) and not facts[name].isdigit():
                yield url, f"{name} is {facts[name][:40]!r}"
        if 0 < sum(bool(facts.get(name)) for name in PICTURE) < len(PICTURE):
            yield url, f"of {', '.join(PICTURE)} it has some only"


@RULES.error(
    "oembed.html", "its HTML is a frame with the player", todo="Write an iframe with the embed page.", source=OEMBED
)
def _(visit: Visit) -> Broken:
    players = texts(visit.object.get("embedUrl"))
    for url, facts in _described(visit):
        found = _SOURCE.search(facts.get("html", ""))
        if facts.get("html") and found is None:
            yield url, "html has no iframe"
        elif found is not None and players and html.unescape(found[1]) not in players:
            yield url, f"its iframe shows {found[1][:200]}, embedUrl is {players[0]}"


@RULES.error("oembed.title", "its title is the page's", todo="Make both of one value.", source=OEMBED)
def _(visit: Visit) -> Broken:
    name = next(iter(texts(visit.object.get("name"))), visit.document.meta("og:title"))
    for url, facts in _described(visit):
        if name and facts.get("title") and not same_text(facts["title"], name):
            yield url, f"title is {facts['title'][:120]!r}, the page's {name[:120]!r}"


@RULES.error("oembed.same", "JSON and XML say the same", todo="Make both of one value.", source=OEMBED)
def _(visit: Visit) -> Broken:
    (first, *others) = [*_described(visit)] or [("", {})]
    for url, facts in others:
        for name in sorted({*facts, *first[1]}):
            if not same_text(facts.get(name, ""), first[1].get(name, "")):
                yield url, f"{name} is {facts.get(name, '')[:120]!r}, in the other {first[1].get(name, '')[:120]!r}"
