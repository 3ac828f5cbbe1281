"""What the pages of a title say of it: one value, of which structured data, meta tags, oEmbed and the page are made.

Its URLs are public and stable, and have no token. `video_page` reads; everything else here is pure.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg

from core.db import postgres
from core.errors import KadrError
from core.listing import listed
from core.model import PlaybackId, Policy
from origin.context import Context
from origin.delivery import captions
from origin.pages.facts import WIDE, size_of
from origin.playback import sessions
from origin.playback.sessions import Visitor
from packager.revision import Download
from studio.texts import DEFAULT, LANGUAGES
from subtitles.cues.chapters import Chapter

MOST_TRANSCRIPT_CHARS = 100_000  # of a page: engines read the first two megabytes of one


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Width and height of a picture or a video, in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPage:
    """A title as its pages describe it.

    `public_id` names it where it has several ids; None for a signed one. `languages`: those of its captions and its
    sound. `views`: how often it was watched; None where nobody counts.
    """

    base: str  # URL of the origin, without a slash at its end
    playback_id: PlaybackId
    public_id: PlaybackId | None
    title: str
    description: str
    tags: tuple[str, ...]
    published_at: datetime | None
    expires_at: datetime | None
    duration_s: float
    size: Size
    poster: Size | None
    mp4: Download | None
    language: str | None
    languages: tuple[str, ...]
    page_url: str | None
    family_friendly: bool
    author: dict[str, str | None] | None
    chapters: tuple[Chapter, ...]
    transcript: str
    is_listed: bool
    views: int | None = None

    @property
    def summary(self) -> str:
        """The description, or the title where its owner gave none: engines require one."""
        return self.description or self.title

    @property
    def versions(self) -> tuple[str, ...]:
        """Languages of the watch page that are of use as pages of their own: something in the title is in each.

        Others differ in the words on buttons alone, and leave the search results to the first.
        """
        spoken = {tag.partition("-")[0].lower() for tag in self.languages}
        found = tuple(language for language in LANGUAGES if language in spoken)
        return found if len(found) > 1 and self.page_url is None else ()

    def watch_url(self, language: str = DEFAULT) -> str:
        """URL of the watch page in a language."""
        return self.base + watch_path(self.public_id or self.playback_id, language)

    def canonical(self, language: str = DEFAULT) -> str:
        """URL of the page that engines are to show: the owner's own, or the watch page."""
        return self.page_url or self.watch_url(language if language in self.versions else DEFAULT)

    def at(self, start_s: int, language: str = DEFAULT) -> str:
        """URL of the page at a time. The owner's page is expected to take `t` as the watch page does."""
        url = self.canonical(language)
        return f"{url}{'&' if '?' in url else '?'}t={start_s}"

    @property
    def embed_url(self) -> str:
        """URL of the player alone."""
        return f"{self.base}/embed/{self.public_id or self.playback_id}"

    @property
    def content_url(self) -> str:
        """URL of the video: the MP4 file where there is one, else the HLS playlist."""
        return self.mp4_url or f"{self.base}/play/{self.public_id or self.playback_id}/index.m3u8"

    @property
    def mp4_url(self) -> str | None:
        """URL of an MP4 file; None without downloads."""
        return None if self.mp4 is None else f"{self.base}/play/{self.public_id or self.playback_id}/{self.mp4.name}"

    @property
    def poster_url(self) -> str | None:
        """URL of the poster, the same for as long as the title exists."""
        return None if self.poster is None else poster_url(self.base, self.public_id or self.playback_id)


def watch_path(playback_id: str, language: str = DEFAULT) -> str:
    """Path of a watch page: each language but the first has its own."""
    return f"/watch/{playback_id}" if language == DEFAULT else f"/{language}/watch/{playback_id}"


def poster_url(base: str, playback_id: str) -> str:
    """URL of a title's poster as JPEG, the same whichever picture it is."""
    return f"{base}/image/{playback_id}/poster.jpg"


async def video_page(context: Context, visitor: Visitor) -> VideoPage:
    """The page of what the visitor may play. Raises Problem where there is nothing to play."""
    published = visitor.published
    revision_id = sessions.revision_of(visitor)
    content = await sessions.content_of(context, visitor, revision_id)
    pictures = None
    transcript = None
    try:
        pictures = await context.pictures.get(published.asset_id)
        transcript = await captions.of_title(context, published.asset_id, revision_id)
    except (asyncpg.PostgresError, *postgres.UNAVAILABLE, KadrError):
        pass  # the page does without
    image = pictures.poster.image(type="image/jpeg") if pictures and pictures.poster else None
    width, height = size_of(content) or WIDE
    spoken = [track.language for track in content.subtitles if track.whole is not None]
    return VideoPage(
        base=context.settings.origin_base,
        playback_id=visitor.playback_id,
        public_id=published.public_id if published.policy is Policy.PUBLIC else None,
        title=published.title,
        description=published.description,
        tags=published.tags,
        published_at=published.published_at,
        expires_at=published.expires_at,
        duration_s=content.duration_s,
        size=Size(width=width, height=height),
        poster=Size(width=image.width, height=image.height) if image else None,
        mp4=best_mp4(content.downloads),
        language=published.language,
        languages=tuple(dict.fromkeys([*([published.language] if published.language else []), *spoken])),
        page_url=published.page_url,
        family_friendly=published.family_friendly,
        author=published.author,
        chapters=tuple(transcript.chapters) if transcript else (),
        transcript=" ".join(transcript.index.texts)[:MOST_TRANSCRIPT_CHARS] if transcript else "",
        is_listed=listed(published.standing, datetime.now(UTC)),
    )


def best_mp4(downloads: Sequence[Download]) -> Download | None:
    """The largest file with a picture; None without one."""
    films = [one for one in downloads if one.width and one.name.endswith(".mp4")]
    return max(films, key=lambda one: one.width or 0, default=None)
