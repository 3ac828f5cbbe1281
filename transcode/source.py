"""Source: the probed facts of an upload, as frozen values. Pure.

Times are seconds as Fractions on the file's own timeline, whose zero is the earliest frame of any used track.
"""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from pydantic import TypeAdapter


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoTrack:
    """One video track. `shown_*` is after sample aspect ratio and rotation, in pixels."""

    index: int
    codec: str
    width: int
    height: int
    sample_aspect: Fraction
    rotation: int  # degrees clockwise that a player must turn the picture: 0, 90, 180, 270
    shown_width: int
    shown_height: int
    frame_rate: Fraction  # nominal; for a variable one, the rate its usual frame distance means
    variable: bool
    frames: int
    start_s: Fraction
    duration_s: Fraction
    keyframes: int
    longest_gop_s: Fraction
    pixel_format: str
    bit_depth: int
    interlaced: bool
    primaries: str
    transfer: str
    matrix: str
    full_range: bool

    @property
    def is_hdr(self) -> bool:
        return self.transfer in ("smpte2084", "arib-std-b67")


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioTrack:
    """One audio track that can be decoded."""

    index: int
    codec: str
    channels: int
    layout: str
    sample_rate_hz: int
    language: str | None
    start_s: Fraction
    duration_s: Fraction


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What was uploaded, exactly. `duration_s` is of the longest used track, from the earliest start."""

    container: str
    bytes: int
    duration_s: Fraction
    video: VideoTrack
    audio: tuple[AudioTrack, ...]
    damaged: bool  # libav complained or gave up somewhere, and enough is left to show


_ADAPTER = TypeAdapter(Source)


def to_json(source: Source) -> dict[str, Any]:
    """Plain JSON values; Fractions become "30000/1001"."""
    return _ADAPTER.dump_python(source, mode="json")  # type: ignore[no-any-return]


def from_json(value: dict[str, Any]) -> Source:
    return _ADAPTER.validate_python(value)
