"""What the pages of a title say of it: one value, of which structured data, meta tags, oEmbed and the page are made.

Its URLs are public and stable, and have no token.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.db.listed import ListedTitle
from core.model import PlaybackId
from studio.texts import DEFAULT, LANGUAGES

MOST_TRANSCRIPT_CHARS = 100_000  # of a page: engines read the first two megabytes of one


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """URLs without a slash at their end: of the pages for viewers, and of the origin, which has media and pictures."""

    pages: str
    media: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """Width and height of a picture or a video, in pixels."""

    width: int
    height: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Mp4:
    """A file to download with a picture, by its name below /play/{playback_id}/."""

    name: str
    size: Size


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A chapter: where it begins and ends, in seconds, and its title."""

    start_s: float
    end_s: float
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPage:
    """A title as its pages describe it.

    `public_id` names it where it has several ids; None for a signed one. `languages`: those of its captions and its
    sound. `views`: how often it was watched; None where nobody counts.
    """

    sites: Sites
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
    mp4: Mp4 | None
    language: str | None
    languages: tuple[str, ...]
    page_url: str | None
    family_friendly: bool
    author: Mapping[str, str | None] | None
    chapters: tuple[Moment, ...]
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
        return self.sites.pages + watch_path(self.public_id or self.playback_id, language)

    def canonical(self, language: str = DEFAULT) -> str:
        """URL of the page that engines are to show: the owner's own, or the watch page."""
        return self.page_url or self.watch_url(language if language in self.versions else DEFAULT)

    def at(self, start_s: int, language: str = DEFAULT) -> str:
        """URL of the page at a time. The owner's page is expected to take `t` as the watch page does."""
        url = self.canonical(language)
        return f"{url}{'&' if '?' in url else '?'}t={start_s}"

    @property
    def embed_url(self) -> str:
        """URL of the page with the player alone, for frames on other pages."""
        return f"{self.sites.media}/embed/{self.public_id or self.playback_id}"

    @property
    def content_url(self) -> str:
        """URL of the video: the MP4 file where there is one, else the HLS playlist."""
        return self.mp4_url or f"{self._play_url}/index.m3u8"

    @property
    def mp4_url(self) -> str | None:
        """URL of an MP4 file; None without downloads."""
        return (
            None
            if self.mp4 is None
            else f"{self.sites.media}/play/{self.public_id or self.playback_id}/{self.mp4.name}"
        )

    @property
    def _play_url(self) -> str:
        return f"{self.sites.media}/play/{self.public_id or self.playback_id}"

    @property
    def poster_url(self) -> str | None:
        """URL of the poster, the same for as long as the title exists."""
        return None if self.poster is None else poster_url(self.sites.media, self.public_id or self.playback_id)


def watch_path(playback_id: str, language: str = DEFAULT) -> str:
    """Path of a watch page: each language but the first has its own."""
    return f"/watch/{playback_id}" if language == DEFAULT else f"/{language}/watch/{playback_id}"


def poster_url(base: str, playback_id: str) -> str:
    """URL of a title's poster as JPEG, the same whichever picture it is."""
    return f"{base}/image/{playback_id}/poster.jpg"


def best_mp4(downloads: Iterable[tuple[str, int | None, int | None]]) -> Mp4 | None:
    """The largest file with a picture of (name, width, height); None without one."""
    films = [
        Mp4(name=name, size=Size(width=width, height=height))
        for name, width, height in downloads
        if width and height and name.endswith(".mp4")
    ]
    return max(films, key=lambda one: one.size.width, default=None)


def size_of_summary(summary: Mapping[str, Any]) -> Size:
    """Size of the largest rendition in the summary of a revision; 16 by 9 without a picture."""
    videos = [one for one in summary.get("renditions", ()) if one.get("width") and one.get("height")]
    width, height = max(((one["width"], one["height"]) for one in videos), default=(16, 9))
    return Size(width=width, height=height)


def mp4_of_summary(summary: Mapping[str, Any]) -> Mp4 | None:
    """The largest download with a picture in the summary of a revision; None without one."""
    return best_mp4((one["name"], one.get("width"), one.get("height")) for one in summary.get("downloads", ()))


def of_listed(sites: Sites, title: ListedTitle) -> VideoPage:
    """The page of a listed title as its row has it: without chapters and transcript, which lists do not need."""
    return VideoPage(
        sites=sites,
        playback_id=title.playback_id,
        public_id=title.playback_id,
        title=title.title,
        description=title.description,
        tags=tuple(title.tags),
        published_at=title.published_at,
        expires_at=title.expires_at,
        duration_s=float(title.summary.get("duration_s") or 0),
        size=size_of_summary(title.summary),
        poster=Size(width=title.poster["width"], height=title.poster["height"]),
        mp4=mp4_of_summary(title.summary),
        language=title.language,
        languages=(title.language,) if title.language else (),
        page_url=title.page_url,
        family_friendly=title.family_friendly,
        author=title.author,
        chapters=(),
        transcript="",
        is_listed=True,
    )
