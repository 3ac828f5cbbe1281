"""Reads a page's HTML as it comes from the server, without running scripts. Pure."""

import json
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from seo_checker.facts import Document

PLAYERS = ("video", "iframe", "embed", "object")
SILENT = ("script", "style", "template", "noscript", "title")
MOST_WORDS = 200_000  # characters of visible text that are kept


def read(html: str) -> Document:
    """What the page says of its video and of itself."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    structured: list[Any] = []
    broken = []
    for text in reader.scripts:
        try:
            structured += _flat(json.loads(text))
        except (ValueError, RecursionError) as exc:
            broken.append(f"{exc}")
    return Document(
        language=reader.language,
        title=_line(reader.title),
        h1=tuple(map(_line, reader.headings)),
        words=_line(" ".join(reader.words))[:MOST_WORDS],
        metas=tuple(reader.metas),
        links=tuple(reader.links),
        players=tuple(reader.players),
        structured=tuple(structured),
        broken=tuple(broken),
    )


def _flat(value: Any) -> Iterator[Any]:
    """The objects of a script: one, a list, or a graph."""
    for one in value if isinstance(value, list) else [value]:
        yield from one["@graph"] if isinstance(one, dict) and isinstance(one.get("@graph"), list) else [one]


def _line(text: str) -> str:
    return " ".join(text.split())


class _Reader(HTMLParser):
    """Collects what `read` makes a Document of."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.language = self.title = ""
        self.headings: list[str] = []
        self.words: list[str] = []
        self.metas: list[tuple[str, str]] = []
        self.links: list[dict[str, str]] = []
        self.players: list[dict[str, str]] = []
        self.scripts: list[str] = []
        self._within: list[str] = []
        self._is_structured = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in reversed(attrs)}
        match tag:
            case "html":
                self.language = own.get("lang", "")
            case "meta":
                self.metas.append((own.get("property") or own.get("name", "").lower(), own.get("content", "")))
            case "link":
                self.links.append(own)
            case "h1":
                self.headings.append("")
            case "script":
                self._is_structured = own.get("type", "").strip().lower() == "application/ld+json"
                if self._is_structured:
                    self.scripts.append("")
        if tag in PLAYERS and "template" not in self._within:
            self.players.append({"element": tag, **own})
        if tag in (*SILENT, "h1"):
            self._within.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._within:
            del self._within[len(self._within) - 1 - self._within[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if "script" in self._within:
            if self._is_structured:
                self.scripts[-1] += data
        elif "title" in self._within:
            self.title += data
        elif not set(SILENT).intersection(self._within):
            self.words.append(data)
            if "h1" in self._within:
                self.headings[-1] += data
