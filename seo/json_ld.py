"""schema.org VideoObject of a page, as JSON-LD. Pure.

Properties and limits are those of Google's documentation of video structured data, and of Yandex' of VideoObject.
"""

import json
from datetime import datetime
from typing import Any

from seo.video_page import VideoPage
from studio.texts import DEFAULT

LEAST_CLIPS_S = 30  # of a shorter video engines show no moments
MOST_TRANSCRIPT_CHARS = 20_000


def video_object(page: VideoPage, language: str = DEFAULT) -> dict[str, Any]:
    """The page's video. Meant for listed titles: others have nothing to tell to engines."""
    poster = page.poster
    facts: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "VideoObject",
        "@id": f"{page.canonical(language)}#video",
        "url": page.canonical(language),
        "name": page.title,
        "description": page.summary,
        "thumbnailUrl": [page.poster_url] if poster else None,
        "thumbnail": {
            "@type": "ImageObject",
            "url": page.poster_url,
            "width": poster.width,
            "height": poster.height,
        }
        if poster
        else None,
        "uploadDate": page.published_at and moment(page.published_at),
        "expires": page.expires_at and moment(page.expires_at),
        "duration": duration(page.duration_s),
        "contentUrl": page.content_url,
        "embedUrl": page.embed_url,
        "width": page.size.width,
        "height": page.size.height,
        "inLanguage": page.language,
        "isFamilyFriendly": page.family_friendly,
        "keywords": ", ".join(page.tags) or None,
        "author": _author(page),
        "interactionStatistic": _watched(page.views),
        "transcript": page.transcript[:MOST_TRANSCRIPT_CHARS] or None,
        **_moments(page, language),
    }
    return {name: value for name, value in facts.items() if value is not None}


def script(value: dict[str, Any]) -> str:
    """The value as JSON that is safe inside a <script> element: nothing in it ends the element or begins a comment."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def moment(time: datetime) -> str:
    """A time of W3C's profile of ISO 8601, with its offset."""
    return time.isoformat(timespec="seconds")


def duration(seconds: float) -> str:
    """ISO 8601, to the second, never none: 3723.4 -> "PT1H2M3S"."""
    minutes, rest = divmod(max(1, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    parts = ((hours, "H"), (minutes, "M"), (rest, "S"))
    return "PT" + "".join(f"{count}{unit}" for count, unit in parts if count)


def _moments(page: VideoPage, language: str) -> dict[str, Any]:
    """The chapters as clips; without chapters, how to link to a time, so that an engine finds moments itself."""
    if page.duration_s < LEAST_CLIPS_S:
        return {}
    starts = {int(chapter.start_s): chapter for chapter in reversed(page.chapters)}
    clips = [
        {
            "@type": "Clip",
            "name": chapter.title,
            "startOffset": start_s,
            "endOffset": max(start_s + 1, min(int(chapter.end_s), int(page.duration_s))),
            "url": page.at(start_s, language),
        }
        for start_s, chapter in sorted(starts.items())
    ]
    if clips:
        return {"hasPart": clips}
    target = page.at(0, language).removesuffix("0") + "{seek_to_second_number}"
    return {
        "potentialAction": {
            "@type": "SeekToAction",
            "target": target,
            "startOffset-input": "required name=seek_to_second_number",
        }
    }


def _author(page: VideoPage) -> dict[str, Any] | None:
    if not page.author:
        return None
    url = page.author.get("url")
    return {"@type": "Person", "name": page.author["name"], **({"url": url} if url else {})}


def _watched(views: int | None) -> dict[str, Any] | None:
    if views is None:
        return None
    return {
        "@type": "InteractionCounter",
        "interactionType": {"@type": "WatchAction"},
        "userInteractionCount": views,
    }
