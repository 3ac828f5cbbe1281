"""Meta tags of a page: robots directives, Open Graph and X cards. Pure.

Open Graph has the video first as a file, which messengers play in place, then as a page with a player.
"""

from collections.abc import Iterator

from seo.json_ld import moment
from seo.video_page import Size, VideoPage
from studio.texts import DEFAULT, LANGUAGES

LISTED = "index, follow, max-image-preview:large, max-snippet:-1, max-video-preview:-1"
UNLISTED = "noindex"
LOCALES = {"en": "en_US", "ru": "ru_RU"}
MOST_TITLE_CHARS, MOST_DESCRIPTION_CHARS = 70, 200  # of an X card


def robots(page: VideoPage | None) -> str:
    """Directives for a page; None: a page without a video."""
    return LISTED if page is not None and page.is_listed else UNLISTED


def description(page: VideoPage) -> str:
    """The description in one line, as long as search results show."""
    return shortened(page.summary, 300)


def open_graph(page: VideoPage, language: str = DEFAULT, site: str = "Kadr") -> Iterator[tuple[str, str]]:
    """(property, content) of Open Graph, and of Yandex' extension of it."""
    yield "og:type", "video.other"
    yield "og:title", page.title
    yield "og:url", page.canonical(language)
    yield "og:description", shortened(page.summary, 1000)
    yield "og:site_name", site
    yield "og:locale", LOCALES[language]
    for other in LANGUAGES:
        if other != language and other in page.versions:
            yield "og:locale:alternate", LOCALES[other]
    if page.poster and page.poster_url:
        yield "og:image", page.poster_url
        yield "og:image:type", "image/jpeg"
        yield "og:image:width", str(page.poster.width)
        yield "og:image:height", str(page.poster.height)
        yield "og:image:alt", page.title
    if page.mp4 and page.mp4_url:
        yield from _video(page.mp4_url, "video/mp4", page.mp4.size)
    yield from _video(page.embed_url, "text/html", page.size)
    yield "video:duration", str(max(1, round(page.duration_s)))
    if page.published_at:
        yield "video:release_date", moment(page.published_at)
        yield "ya:ovs:upload_date", moment(page.published_at)
    yield "ya:ovs:adult", "false" if page.family_friendly else "true"
    for tag in page.tags:
        yield "video:tag", tag


def card(page: VideoPage) -> Iterator[tuple[str, str]]:
    """(name, content) of an X card: a player where the page is https, as X requires, else a large picture."""
    is_player = page.embed_url.startswith("https:")
    yield "twitter:card", "player" if is_player else "summary_large_image"
    yield "twitter:title", shortened(page.title, MOST_TITLE_CHARS)
    yield "twitter:description", shortened(page.summary, MOST_DESCRIPTION_CHARS)
    if page.poster_url:
        yield "twitter:image", page.poster_url
        yield "twitter:image:alt", shortened(page.title, 420)
    if is_player:
        yield "twitter:player", page.embed_url
        yield "twitter:player:width", str(page.size.width)
        yield "twitter:player:height", str(page.size.height)
        if page.mp4_url:
            yield "twitter:player:stream", page.mp4_url
            yield "twitter:player:stream:content_type", "video/mp4"


def shortened(text: str, most: int) -> str:
    """The text in one line, cut at the end of a word where it is longer than `most` characters."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    return (cut.rpartition(" ")[0] or cut).rstrip(" ,;:.-") + "…"


def _video(url: str, kind: str, size: Size) -> Iterator[tuple[str, str]]:
    yield "og:video", url
    if url.startswith("https:"):
        yield "og:video:secure_url", url
    yield "og:video:type", kind
    yield "og:video:width", str(size.width)
    yield "og:video:height", str(size.height)
