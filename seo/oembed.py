"""oEmbed 1.0 of a title: a player as HTML, with what goes beside it, as JSON or XML. Pure."""

from typing import Any
from urllib.parse import urlencode

from seo.player_frame import fixed_frame
from seo.video_page import VideoPage
from seo.xml_text import xml_text

CACHE_S = 300
TYPES = {"json": "application/json", "xml": "text/xml"}


def oembed_url(page: VideoPage, kind: str) -> str:
    """Where the page's title is described in `kind`, json or xml."""
    return f"{page.sites.pages}/oembed?{urlencode({'url': page.watch_url(), 'format': kind})}"


def described(page: VideoPage, most_width: int | None, most_height: int | None) -> dict[str, Any]:
    """The answer, with a player in the title's ratio that fits into the given pixels. Pure."""
    width, height = fitted(page.size.width, page.size.height, most_width, most_height)
    poster = page.poster
    author = page.author or {}
    facts: dict[str, Any] = {
        "type": "video",
        "version": "1.0",
        "title": page.title,
        "author_name": author.get("name"),
        "author_url": author.get("url"),
        "provider_name": "Kadr",
        "provider_url": page.sites.pages,
        "cache_age": CACHE_S,
        "html": fixed_frame(page.embed_url, page.title, width, height),
        "width": width,
        "height": height,
        "duration": round(page.duration_s),
    }
    if poster and page.poster_url:
        shown = fitted(poster.width, poster.height, most_width, most_height)
        facts |= {"thumbnail_url": page.poster_url, "thumbnail_width": shown[0], "thumbnail_height": shown[1]}
        if shown[0] < poster.width:
            facts["thumbnail_url"] += f"?width={shown[0]}"
    return {name: value for name, value in facts.items() if value is not None}


def fitted(width: int, height: int, most_width: int | None, most_height: int | None) -> tuple[int, int]:
    """The largest size in the ratio of width to height within both limits, at least one pixel each way."""
    scale = min(1.0, (most_width or width) / width, (most_height or height) / height)
    return max(1, round(width * scale)), max(1, round(height * scale))


def as_xml(body: dict[str, Any]) -> str:
    """The answer as XML: a name and a text for each fact."""
    facts = "".join(f"<{name}>{xml_text(str(value))}</{name}>" for name, value in body.items())
    return f'<?xml version="1.0" encoding="utf-8" standalone="yes"?>\n<oembed>{facts}</oembed>\n'
