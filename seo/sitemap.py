"""Sitemaps with the video extension, and their index. Pure.

Protocol: sitemaps.org 0.9; extension: sitemap-video/1.1, with the tags and limits of Google's documentation of it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from seo.json_ld import moment
from seo.meta_tags import shortened
from seo.video_page import VideoPage
from seo.xml_text import allowed, xml_text

MOST_ENTRIES, MOST_BYTES = 10_000, 40_000_000  # of a file; the protocol ends at 50,000 and 52,428,800
MOST_TITLE_CHARS, MOST_DESCRIPTION_CHARS, MOST_TAGS = 100, 2048, 32
LONGEST_S = 28_800
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
    'xmlns:video="http://www.google.com/schemas/sitemap-video/1.1">\n'
)
FOOT = "</urlset>\n"


def entry(page: VideoPage, changed_at: datetime) -> str:
    """The page of a listed title as one <url>, which changed last at `changed_at`."""
    # Of a text that XML cannot hold, nothing may be left, and both are required.
    title = shortened(allowed(page.title), MOST_TITLE_CHARS) or page.playback_id
    facts = [
        ("thumbnail_loc", page.poster_url),
        ("title", title),
        ("description", shortened(allowed(page.summary), MOST_DESCRIPTION_CHARS) or title),
        ("content_loc", page.content_url),
        ("player_loc", page.embed_url),
        # Longer ones are left without: a duration that is not true would be worse.
        ("duration", str(max(1, round(page.duration_s))) if page.duration_s <= LONGEST_S else None),
        ("expiration_date", page.expires_at and moment(page.expires_at)),
        ("publication_date", page.published_at and moment(page.published_at)),
        ("family_friendly", "yes" if page.family_friendly else "no"),
        *(("tag", tag) for tag in page.tags[:MOST_TAGS]),
        ("uploader", shortened(page.author["name"] or "", 255) if page.author else None),
        ("live", "no"),
    ]
    video = "".join(
        f"<video:{name}>{xml_text(text)}</video:{name}>" for name, text in facts if text and allowed(text).strip()
    )
    return (
        f"<url><loc>{xml_text(page.canonical())}</loc><lastmod>{moment(changed_at)}</lastmod>"
        f"<video:video>{video}</video:video></url>\n"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One file of the sitemap: its number, and when the newest change of a page in it was."""

    number: int
    changed_at: datetime


def part_path(number: int) -> str:
    """Path of the sitemap's file of this number, below the URL of the site."""
    return f"/sitemaps/videos-{number}.xml"


def index(base: str, parts: Iterable[Part]) -> str:
    """The list of the files, below the URL of the site."""
    files = "".join(
        f"<sitemap><loc>{xml_text(base + part_path(part.number))}</loc><lastmod>{moment(part.changed_at)}</lastmod>"
        "</sitemap>\n"
        for part in parts
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<sitemapindex xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">\n{files}</sitemapindex>\n'
    )
