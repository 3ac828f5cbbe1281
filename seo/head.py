"""What a page says of its video in its <head>, as HTML. Pure."""

from collections.abc import Iterator
from html import escape

from seo import json_ld, meta_tags, oembed
from seo.video_page import VideoPage
from studio.texts import DEFAULT


def watch_page(page: VideoPage, language: str = DEFAULT) -> str:
    """For the watch page of a public title."""
    return "\n".join((*_alternates(page, language), *_described(page, language), *_oembed(page)))


def owners_page(page: VideoPage) -> str:
    """To paste into the <head> of the owner's own page that shows the title."""
    return "\n".join((_link("canonical", page.canonical()), *_described(page, DEFAULT)))


def _described(page: VideoPage, language: str) -> Iterator[str]:
    yield _meta("name", "description", meta_tags.description(page))
    for name, content in meta_tags.open_graph(page, language):
        yield _meta("property", name, content)
    for name, content in meta_tags.card(page):
        yield _meta("name", name, content)
    if page.is_listed:
        script = json_ld.script(json_ld.video_object(page, language))
        yield f'<script type="application/ld+json">{script}</script>'


def _alternates(page: VideoPage, language: str) -> Iterator[str]:
    yield _link("canonical", page.canonical(language))
    for one in page.versions:
        yield _link("alternate", page.watch_url(one), hreflang=one)
    if page.versions:
        yield _link("alternate", page.watch_url(), hreflang="x-default")


def _oembed(page: VideoPage) -> Iterator[str]:
    for kind, media_type in oembed.TYPES.items():
        yield _link("alternate", oembed.oembed_url(page, kind), type=f"{media_type}+oembed", title=page.title)


def _meta(attribute: str, name: str, content: str) -> str:
    return f'<meta {attribute}="{escape(name)}" content="{escape(content)}">'


def _link(rel: str, href: str, **more: str) -> str:
    attributes = "".join(f' {name}="{escape(value)}"' for name, value in more.items())
    return f'<link rel="{rel}" href="{escape(href)}"{attributes}>'
