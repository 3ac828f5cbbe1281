"""What an HLS playlist leads to: the first playlist or the first segment in it. Pure."""

import re
from urllib.parse import urljoin

_URI = re.compile(r'URI="([^"]+)"')


def following(text: str, url: str) -> str | None:
    """URL of the first media playlist of a multivariant playlist, or of a media playlist's first segment."""
    if not text.startswith("#EXTM3U"):
        return None
    lines = [line.strip() for line in text.splitlines()]
    found = next((line for line in lines if line and not line.startswith("#")), None)
    return urljoin(url, found) if found else None


def is_media(text: str) -> bool:
    """Whether it is a media playlist, which lists segments."""
    return "#EXTINF" in text


def init_segment(text: str, url: str) -> str | None:
    """URL of what a player reads before the first segment."""
    line = next((line for line in text.splitlines() if line.startswith("#EXT-X-MAP:")), "")
    found = _URI.search(line)
    return urljoin(url, found[1]) if found else None
