"""Where the pages and the media of an installation are, by its settings."""

from core.settings import Settings
from seo.video_page import Sites


def sites_of(settings: Settings) -> Sites:
    """The URLs that pages for the public are made of."""
    return Sites(pages=settings.site_base, media=settings.origin_base)
