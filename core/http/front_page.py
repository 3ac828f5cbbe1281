"""The page at / of API and origin: what this is, and where to go on."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from aiohttp import web

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}"
    "dt{margin-top:1rem;font-weight:600}dd{margin:0}code{font-size:.95em}"
)
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A place to go on to. Without a URL the sentence says where it is."""

    name: str
    sentence: str
    url: str | None = None


def response(title: str, sentence: str, ways: Sequence[Way]) -> web.Response:
    """The page as an HTML response."""
    rows = "\n".join(f"  <dt>{_link(way)}</dt>\n  <dd>{escape(way.sentence)}</dd>" for way in ways)
    text = (
        f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{_STYLE}</style>\n"
        f"<h1>{escape(title)}</h1>\n<p>{escape(sentence)}</p>\n<dl>\n{rows}\n</dl>\n</html>\n"
    )
    return web.Response(text=text, content_type="text/html", headers=_HEADERS)


def _link(way: Way) -> str:
    return escape(way.name) if way.url is None else f'<a href="{escape(way.url)}">{escape(way.name)}</a>'


DOCS = Way(
    name="Documentation",
    sentence="README.md and docs/ in the source of Kadr: operations.md for settings, errors.md for error codes.",
)
