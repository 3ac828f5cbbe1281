"""Values shared by the stages: renditions down to each delivered file, and timed text. Pure.

Durations are integers in the rendition's timescale; sizes are bytes; hashes are SHA-256 in hex.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from core.media.checked_json import adapter


class RenditionKind(StrEnum):
    """Whether a rendition carries video or audio."""

    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes by their SHA-256 in hex, and how many they are."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyframe:
    """A sync sample: `size_bytes` from the `moof` at `offset` in its segment to the end of the sample."""

    offset: int
    size_bytes: int
    duration: int  # until the next keyframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One delivered media segment and its duration. Keyframes: of video only, and unknown in old revisions."""

    blob: Blob
    duration: int
    keyframes: tuple[Keyframe, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One encoded output: an init segment and its segments."""

    id: str  # "v1080", "a1": also its folder in the URL
    kind: RenditionKind
    codec: str  # RFC 6381
    timescale: int
    init: Blob
    segments: tuple[Segment, ...]
    width: int | None = None
    height: int | None = None
    frame_rate: Fraction | None = None
    channels: int | None = None
    language: str | None = None
    name: str | None = None  # given by the owner
    passthrough: bool = False

    @property
    def duration_s(self) -> Fraction:
        return Fraction(sum(segment.duration for segment in self.segments), self.timescale)

    @property
    def size_bytes(self) -> int:
        return self.init.size_bytes + sum(segment.blob.size_bytes for segment in self.segments)

    @property
    def average_bandwidth_bps(self) -> int:
        """Average bit rate in bits/s: all segments over the whole time."""
        return _average_bps(_sizes(self.segments), self.timescale)

    @property
    def bandwidth_bps(self) -> int:
        """Peak segment bit rate in bits/s, as EXT-X-STREAM-INF declares it."""
        return _peak_bps(_sizes(self.segments), self.timescale, target_duration(self))

    @property
    def keyframes_known(self) -> bool:
        """Whether the keyframes of all segments are known and cover them without gaps."""
        return bool(self.segments) and all(
            segment.keyframes and sum(frame.duration for frame in segment.keyframes) == segment.duration
            for segment in self.segments
        )

    @property
    def keyframes_average_bandwidth_bps(self) -> int:
        """Average bit rate in bits/s of the keyframes alone, each standing until the next one."""
        return _average_bps(self._keyframe_sizes(), self.timescale)

    @property
    def keyframes_bandwidth_bps(self) -> int:
        """Peak bit rate in bits/s of the keyframes; the target duration is that of the segments they lie in."""
        return _peak_bps(self._keyframe_sizes(), self.timescale, target_duration(self))

    def _keyframe_sizes(self) -> list[tuple[int, int]]:
        return [(frame.size_bytes, frame.duration) for segment in self.segments for frame in segment.keyframes]


def _sizes(segments: Iterable[Segment]) -> list[tuple[int, int]]:
    return [(segment.blob.size_bytes, segment.duration) for segment in segments]


def _average_bps(parts: list[tuple[int, int]], timescale: int) -> int:
    time = sum(duration for _, duration in parts)
    return round(Fraction(sum(size for size, _ in parts) * 8 * timescale, time))


def _peak_bps(parts: list[tuple[int, int]], timescale: int, target_s: int) -> int:
    """Peak segment bit rate of (size, duration)s: the largest of any run of them whose time is 0.5 to 1.5 target
    durations (RFC 8216, 4.1). A last one shorter than that counts only together with the one before it."""
    target = target_s * timescale
    peak_bits, peak_time = 0, 1  # compared as integers: a long title has tens of thousands of parts
    for first in range(len(parts)):
        bits, time = 0, 0
        for index in range(first, len(parts)):
            size, duration = parts[index]
            bits += size * 8
            time += duration
            if 2 * time > 3 * target:
                break
            if 2 * time >= target and bits * peak_time > peak_bits * time:
                peak_bits, peak_time = bits, time
    # A title shorter than half a target has no such run.
    return round(Fraction(peak_bits * timescale, peak_time)) or _average_bps(parts, timescale)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cue:
    """A subtitle cue. `text` is WebVTT cue text: `&` and `<` are escaped, and no line is empty."""

    start_ms: int
    end_ms: int
    text: str
    settings: str = ""  # WebVTT cue settings, such as "line:0 align:start"
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subtitles:
    """A subtitle track as WebVTT segments, and as one file for players without segmented subtitles."""

    id: str  # "s1": also its folder in the URL
    language: str
    name: str
    machine_generated: bool
    captions: bool  # also describes sounds other than speech
    forced: bool = False  # only what everybody has to read: what is said in another language, signs in the picture
    timescale: int = 1000
    segments: tuple[Segment, ...]
    whole: Blob | None = None

    @property
    def bandwidth_bps(self) -> int:
        """Peak segment bit rate in bits/s, as EXT-X-STREAM-INF declares it."""
        return _peak_bps(_sizes(self.segments), self.timescale, target_duration(self))

    @property
    def average_bandwidth_bps(self) -> int:
        return _average_bps(_sizes(self.segments), self.timescale)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubtitleFiles:
    """A subtitle track with the bytes of its segments and of its whole file, by SHA-256."""

    subtitles: Subtitles
    files: dict[str, bytes]


def target_duration(*renditions: Rendition | Subtitles) -> int:
    """Target duration in seconds: the longest segment of all, rounded to the nearest integer (RFC 8216bis, 4.4.3.1)."""
    longest = max(Fraction(s.duration, r.timescale) for r in renditions for s in r.segments)
    return max(1, int(longest + Fraction(1, 2)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """The renditions of one encode: of a whole title, or of a part of it."""

    renditions: tuple[Rendition, ...]

    @property
    def total_s(self) -> float:
        """How long the renditions are, all together, in seconds."""
        return float(sum(rendition.duration_s for rendition in self.renditions))


def encoded_to_json(encoded: Encoded) -> dict[str, Any]:
    """Plain JSON values; `encoded_from_json` reads them."""
    return adapter(Encoded).dump_python(encoded, mode="json")  # type: ignore[no-any-return]


def encoded_from_json(value: dict[str, Any]) -> Encoded:
    """The value of `encoded_to_json`. Raises pydantic.ValidationError for any other."""
    return adapter(Encoded).validate_python(value)
