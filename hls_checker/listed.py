"""What playlists list, as values: variants, renditions, segments, and what is wrong with their text. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A line (from 1) that is not as it should be. `ignored`: players only skip it, and it does no harm else."""

    line: int
    what: str
    ignored: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A byte range of a file: both ends counted from 0, `end` not included."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A line with attributes: a variant, an I-frame variant, or a rendition. `url` is None where it names no file."""

    line: int
    attributes: Mapping[str, str]
    url: str | None

    def __getitem__(self, name: str) -> str:
        return self.attributes.get(name, "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Map:
    """The init segment that a segment needs."""

    url: str
    span: Span | None
    key: "Key | None"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """How bytes are encrypted. `url` is None for a method without a key."""

    method: str
    url: str | None
    iv: int | None  # None: the segment's number


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentLine:
    """One segment as the playlist lists it."""

    line: int
    url: str
    duration_s: Fraction
    span: Span | None
    map: Map | None
    key: Key | None
    number: int  # its media sequence number
    discontinuity: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Multivariant:
    """Where a player begins."""

    url: str
    version: int
    independent: bool
    variants: tuple[Entry, ...]
    iframe_variants: tuple[Entry, ...]
    renditions: tuple[Entry, ...]
    steering: Entry | None
    variables: Mapping[str, str]
    problems: tuple[Problem, ...]

    def group(self, kind: str, name: str) -> tuple[Entry, ...]:
        """The renditions (EXT-X-MEDIA) of one type and group id."""
        return tuple(r for r in self.renditions if r["TYPE"] == kind and r["GROUP-ID"] == name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """The list of one rendition's segments."""

    url: str
    version: int
    kind: str  # VOD, EVENT, or empty
    target_s: int
    ended: bool
    iframes_only: bool
    segments: tuple[SegmentLine, ...]
    problems: tuple[Problem, ...]

    @property
    def duration_s(self) -> Fraction:
        return sum((segment.duration_s for segment in self.segments), Fraction(0))
