"""The facts of a published title, the only input of rules. Pure.

Files are identified by absolute URL. Files that could not be read are listed in `unread`, with the reason.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from pathlib import PurePosixPath
from urllib.parse import unquote, urlsplit

from hls_checker.boxes import Fragments, Init
from hls_checker.listed import Media, Multivariant, SegmentLine
from hls_checker.vtt import Text

PLAYER_ORIGIN = "https://player.example"  # the site of the page that loads the title


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to the request of one file. Names in `headers` are lower case; a local file has none."""

    url: str
    status: int
    headers: Mapping[str, str]
    redirected: bool
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Unread:
    """A file that should be there and is not, or is not what it should be."""

    url: str
    rule: str
    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment with what is in it; `media` and `text` are None where it could not be read, or is the other."""

    line: SegmentLine
    size_bytes: int
    init: Init | None = None
    media: Fragments | None = None
    text: Text | None = None

    @property
    def duration_s(self) -> Fraction:
        """Duration of the media itself in seconds; that of EXTINF where the media could not be read."""
        if self.media is not None and self.init is not None:
            return Fraction(self.media.duration, self.init.timescale)
        return self.line.duration_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """What came of decoding a track: its frames, each size that they have, and what is broken, in words."""

    frames: int
    sizes: tuple[str, ...]
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """A media playlist and all below it. `role`: what the multivariant playlist names it for: variant, AUDIO,
    SUBTITLES, VIDEO, iframes."""

    url: str
    role: str
    media: Media
    segments: tuple[Segment, ...]
    decoded: Decoded | None = None  # where that was asked for, and the track is in the clear

    @property
    def init(self) -> Init | None:
        return next((segment.init for segment in self.segments if segment.init), None)

    @property
    def kind(self) -> str:
        """video, audio or text, by the media itself; else by its role."""
        if self.init is not None:
            return self.init.kind
        return {"AUDIO": "audio", "SUBTITLES": "text"}.get(self.role, "video")

    @property
    def start_s(self) -> Fraction:
        """Presentation time of the first sample in seconds; 0 where it is unknown."""
        first = self.segments[0] if self.segments else None
        if first is None or first.media is None or first.init is None:
            return Fraction(0)
        return Fraction(first.media.fragments[0].first_shown, first.init.timescale)

    @property
    def duration_s(self) -> Fraction:
        return sum((segment.duration_s for segment in self.segments), Fraction(0))

    @property
    def whole(self) -> bool:
        """Whether all segments could be read, so that sums over them are valid."""
        return bool(self.segments) and all(s.media is not None and s.init is not None for s in self.segments)

    @property
    def frame_s(self) -> Fraction:
        """Duration of the longest sample in seconds; 0 where it is unknown."""
        return max(
            (
                Fraction(fragment.longest, segment.init.timescale)
                for segment in self.segments
                if segment.media and segment.init
                for fragment in segment.media.fragments
            ),
            default=Fraction(0),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Steering:
    """The answer of the steering server; `body` is its text."""

    answer: Answer
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DashTrack:
    """One Representation: its segments with their durations."""

    id: str
    codecs: str
    init_url: str
    segments: tuple[tuple[str, Fraction], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dash:
    """A manifest. `missing`: files that it lists and that are not there."""

    url: str
    duration_s: Fraction | None
    tracks: tuple[DashTrack, ...]
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Title:
    """A multivariant playlist and all below it."""

    multivariant: Multivariant
    tracks: Mapping[str, Track]
    answers: Mapping[str, Answer]
    unread: tuple[Unread, ...] = ()
    ranges: Mapping[str, Answer] | None = None  # what a byte range of the first I-frame was answered with
    steering: Steering | None = None
    dash: Dash | None = None

    @property
    def local(self) -> bool:
        return self.multivariant.url.startswith("file:")

    @property
    def decoded(self) -> bool:
        """Whether at least one track was decoded, so that the rules about decoding bind."""
        return any(track.decoded is not None for track in self.tracks.values())

    @cached_property
    def provisional(self) -> bool:
        """An EVENT playlist: something to watch until the ladder is there."""
        return any(track.media.kind == "EVENT" for track in self.tracks.values())

    @cached_property
    def growing(self) -> bool:
        return any(track.media.kind == "EVENT" and not track.media.ended for track in self.tracks.values())

    def of_kind(self, *kinds: str) -> Iterator[Track]:
        """The tracks that play, I-frame playlists left out."""
        return (track for track in self.tracks.values() if track.role != "iframes" and track.kind in kinds)

    @property
    def iframes(self) -> Iterator[Track]:
        return (track for track in self.tracks.values() if track.role == "iframes")

    @cached_property
    def fragments(self) -> Mapping[str, Fragments]:
        """{URL: fragments} of files that were read whole."""
        return {
            segment.line.url: segment.media
            for track in self.tracks.values()
            for segment in track.segments
            if segment.media is not None and (segment.line.span is None or track.role == "iframes")
        }

    def name(self, url: str) -> str:
        """A short name without the signature: file and folder, with the host where it differs from the title's."""
        parts, root = urlsplit(url), urlsplit(self.multivariant.url)
        if url == self.multivariant.url:
            return PurePosixPath(unquote(parts.path)).name
        path = PurePosixPath(unquote(parts.path))
        folder = PurePosixPath(unquote(root.path)).parent
        short = "/".join(path.parts[-2:]) if path.parent != folder else path.name
        return short if parts.netloc == root.netloc else f"{parts.netloc}/{short}"
