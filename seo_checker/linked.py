"""The URLs that a page and its entry in the sitemap give, each with what it should be. Pure."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from seo_checker.facts import Document, Entry


class Role(StrEnum):
    PICTURE = "picture"
    MEDIA = "media"
    PLAYER = "player"
    MOMENT = "moment"
    VERSION = "version"
    OEMBED = "oembed"


def linked(entry: Entry, document: Document) -> dict[str, Role]:
    """Every URL once, except that of the page itself."""
    found: dict[str, Role] = {}
    for url, role in (*_of_entry(entry), *_of_object(document), *_of_metas(document), *_of_document(document)):
        if url and url != entry.loc:
            found.setdefault(url, role)
    return found


def pictures_of(value: Mapping[str, Any]) -> list[str]:
    """The thumbnails of a VideoObject."""
    return [*texts(value.get("thumbnailUrl")), *_urls_in(value.get("thumbnail"))]


def clips_of(value: Mapping[str, Any]) -> list[Any]:
    """Its parts."""
    parts = value.get("hasPart")
    return parts if isinstance(parts, list) else [parts] if parts else []


def texts(value: Any) -> list[str]:
    """A text, or those of a list."""
    return [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]


def _urls_in(value: Any) -> list[str]:
    """URLs of pictures, each a text or an ImageObject."""
    found = []
    for one in value if isinstance(value, list) else [value]:
        found += texts(one) if isinstance(one, str) else texts(one.get("url")) if isinstance(one, Mapping) else []
    return found


def _of_entry(entry: Entry) -> Iterator[tuple[str, Role]]:
    for video in entry.videos:
        yield video["thumbnail_loc"], Role.PICTURE
        yield video["content_loc"], Role.MEDIA
        yield video["player_loc"], Role.PLAYER
    yield from ((url, Role.VERSION) for _, url in entry.alternates)


def _of_object(document: Document) -> Iterator[tuple[str, Role]]:
    for value in document.videos:
        yield from ((url, Role.PICTURE) for url in pictures_of(value))
        yield from ((url, Role.MEDIA) for url in texts(value.get("contentUrl")))
        yield from ((url, Role.PLAYER) for url in texts(value.get("embedUrl")))
        for clip in clips_of(value):
            if isinstance(clip, Mapping):
                yield from ((url, Role.MOMENT) for url in texts(clip.get("url")))


def _of_metas(document: Document) -> Iterator[tuple[str, Role]]:
    kind = ""
    # The type stands behind the URL, and before the next one.
    for name, content in reversed(document.metas):
        if name == "og:video:type":
            kind = content
        elif name in ("og:video", "og:video:url", "og:video:secure_url"):
            yield content, Role.PLAYER if kind == "text/html" else Role.MEDIA
    for name, content in document.metas:
        if name in ("og:image", "og:image:url", "og:image:secure_url", "twitter:image"):
            yield content, Role.PICTURE
        elif name == "twitter:player":
            yield content, Role.PLAYER
        elif name == "twitter:player:stream":
            yield content, Role.MEDIA


def _of_document(document: Document) -> Iterator[tuple[str, Role]]:
    yield from ((one["poster"], Role.PICTURE) for one in document.players if one.get("poster"))
    yield from ((url, Role.VERSION) for _, url in document.alternates)
    yield from ((url, Role.OEMBED) for _, url in document.oembeds)
    yield document.canonical, Role.VERSION
