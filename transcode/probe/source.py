"""Source: the probed facts of an upload, as frozen values. Pure.

Times are seconds as Fractions on the file's own timeline, whose zero is the earliest frame of any used track.
"""

from dataclasses import dataclass, fields, is_dataclass
from fractions import Fraction
from typing import Any

from core.media.checked_json import adapter

# Of the facts: increase it when a probe tells more of a file, or something else. A reprocess of a title whose facts are
# of an earlier version begins with a probe.
VERSION = 3
MARGIN, SAME_SHAPE = Fraction(9, 10), Fraction(2, 1000)
INDEXED = ("mp4", "matroska")  # containers with an index, in which a seek lands on the right keyframe


@dataclass(frozen=True, slots=True, kw_only=True)
class Crop:
    """Pixels that the container (not the codec) cuts off each side of the decoded frames."""

    left: int = 0
    right: int = 0
    top: int = 0
    bottom: int = 0

    def is_overscan(self, width: int, height: int) -> bool:
        """Whether it cuts off nothing but a narrow margin all around, of frames of this size, and keeps their shape.

        Cameras mark such a margin, and most players show it. What has another shape, lines of padding for one, is
        no margin.
        """
        kept = width - self.left - self.right, height - self.top - self.bottom
        shape = Fraction(kept[0] * height, max(1, kept[1]) * width)
        return min(self.sides) > 0 and kept[0] > width * MARGIN and abs(shape - 1) < SAME_SHAPE

    @property
    def sides(self) -> tuple[int, int, int, int]:
        """Left, right, top, bottom."""
        return self.left, self.right, self.top, self.bottom


NO_CROP = Crop()


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTrack:
    """One video track. `width` and `height` are of its frames as the container crops them; `shown_*` is after sample
    aspect ratio and rotation, too."""

    index: int
    codec: str
    width: int
    height: int
    sample_aspect: Fraction
    rotation: int  # degrees clockwise that a player must rotate the video: 0, 90, 180, 270
    shown_width: int
    shown_height: int
    frame_rate: Fraction  # nominal; of a variable rate, the usual one
    variable: bool
    frames: int
    start_s: Fraction
    duration_s: Fraction
    keyframes: int
    longest_gop_s: Fraction
    longest_gap_s: Fraction  # the longest time one frame is shown: a seek must go back at least that far
    bit_rate_bps: int  # average over the track's duration
    profile: str  # as libav names it: "High", "Main 10"; "" where there is none
    level: int  # as the codec counts it (H.264: 41 is 4.1); 0 where unknown
    pixel_format: str
    bit_depth: int
    interlaced: bool
    primaries: str
    transfer: str
    matrix: str
    full_range: bool
    crop: Crop = NO_CROP  # cut off already from `width` and `height`; ffmpeg does it by itself
    overscan: bool = False  # the container crops a margin of a camera, which is shown: ffmpeg must not cut it off
    parameter_changes: int = 0  # how often size, profile or the like change after the first frame

    @property
    def is_hdr(self) -> bool:
        return self.transfer in ("smpte2084", "arib-std-b67")

    @property
    def coded_short_side(self) -> int:
        """Of the frames before the container's crop, in pixels: what unspecified colours are guessed by."""
        return min(self.width + self.crop.left + self.crop.right, self.height + self.crop.top + self.crop.bottom)


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """One audio track that Kadr can decode. Times are seconds on the upload's timeline."""

    index: int
    codec: str
    channels: int
    layout: str
    sample_rate_hz: int
    language: str | None
    start_s: Fraction
    duration_s: Fraction
    profile: str  # as libav names it: "LC" is plain AAC
    bit_rate_bps: int
    long_gaps_s: tuple[Fraction, ...] = ()  # where the sound goes on after a gap of a minute or more
    parameter_changes: int = 0  # how often sample rate, channels or the like change after the first packet


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The probed facts of an upload. `duration_s` runs from the earliest start to the latest end of its tracks."""

    container: str
    bytes: int
    origin_s: Fraction  # where the timeline's zero is in the file's own times
    duration_s: Fraction
    video: VideoTrack | None  # None: audio only
    audio: tuple[AudioTrack, ...]
    unplayable_audio: tuple[str, ...]  # codec names of audio tracks that are not supported
    damaged: bool  # libav reported errors or stopped early, but enough can be decoded
    warnings: tuple[tuple[str, str], ...] = ()  # (code, message) of what was left out or mended
    programme: tuple[int, ...] = ()  # indices of the streams that belong to the title; empty: all do
    version: int = 0  # VERSION of the probe that told them; 0: of one before versions


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceGop:
    """A run of frames from one keyframe to the next, in presentation order. The first begins with frame 0."""

    frame: int  # number of this keyframe, in presentation order
    frames: int
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """The GOPs of the chosen video track. Separate from Source because its size grows with the duration."""

    gops: tuple[SourceGop, ...]
    # H.264 only: every keyframe is an IDR picture, so nothing after it refers to what is before it; the track begins
    # with one, and no packet is only decoded (edit lists). The track can be cut before each keyframe.
    all_idr: bool
    constant: bool  # every frame is shown exactly 1/frame_rate after the one before, to a tick of the time base


def to_json(source: Source) -> dict[str, Any]:
    """The source as plain JSON values; Fractions become strings such as "30000/1001"."""
    return _plain(source)  # type: ignore[no-any-return]


def from_json(value: dict[str, Any]) -> Source:
    """The source that `to_json` made this value of. Raises pydantic.ValidationError."""
    return adapter(Source).validate_python(value)


def index_to_json(index: Index) -> dict[str, Any]:
    """The index as plain JSON values."""
    return _plain(index)  # type: ignore[no-any-return]


def index_from_json(value: dict[str, Any]) -> Index:
    """The index that `index_to_json` made this value of. Raises pydantic.ValidationError."""
    return adapter(Index).validate_python(value)


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Fraction) else value
