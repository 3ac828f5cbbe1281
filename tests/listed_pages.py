"""Pages of listed titles as values, and the watch page rendered of one: for tests of what engines read."""

from datetime import UTC, datetime
from typing import Any

from core.model import PlaybackId
from origin.pages.page import start_of
from seo import head, meta_tags
from seo.video_page import Moment, Mp4, Sites, Size, VideoPage, watch_path
from studio import pages
from studio.texts import DEFAULT, LANGUAGES

PLAYBACK_ID = PlaybackId("pb_01jz00000000000000000000ab")
SITES = Sites(pages="https://video.example.org", media="https://media.example.org")
CHAPTERS = (Moment(start_s=0, end_s=61.5, title="Clay"), Moment(start_s=61.5, end_s=125.4, title="Glaze"))
MP4 = Mp4(name="high.mp4", size=Size(width=1280, height=720))


def video_page(**changes: Any) -> VideoPage:
    """A listed title with chapters and an MP4 file."""
    values: dict[str, Any] = {
        "sites": SITES,
        "playback_id": PLAYBACK_ID,
        "public_id": PLAYBACK_ID,
        "title": "Throwing a mug",
        "description": "From clay to glaze.\nIn one take.",
        "tags": ("pottery", "mugs"),
        "published_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        "expires_at": None,
        "duration_s": 125.4,
        "size": Size(width=1280, height=720),
        "poster": Size(width=1280, height=720),
        "mp4": MP4,
        "language": "en",
        "languages": ("en",),
        "page_url": None,
        "family_friendly": True,
        "author": {"name": "Anna", "url": "https://anna.example.org/"},
        "chapters": CHAPTERS,
        "transcript": "This is clay.",
        "is_listed": True,
    }
    return VideoPage(**{**values, **changes})


def watch_page(page: VideoPage, language: str = DEFAULT) -> str:
    """The HTML of its watch page, as origin.pages.watch renders it."""
    facts = {
        "playback_id": page.playback_id,
        "title": page.title,
        "duration_s": page.duration_s,
        "width": page.size.width,
        "height": page.size.height,
        "has_sound": True,
        "hls_url": f"/play/{page.playback_id}/index.m3u8",
        "poster_url": page.poster_url,
        "colour": None,
    }
    return pages.render(
        "watch.html",
        language,
        robots=meta_tags.robots(page),
        title=page.title,
        facts=facts,
        token=None,
        attributes={"start-time": start_of("1m")},
        shown=page,
        described=head.watch_page(page, language),
        paths={one: watch_path(page.playback_id, one) for one in LANGUAGES},
    )
