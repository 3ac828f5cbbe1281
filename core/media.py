"""Values that the stages hand on: what an encode made, down to each delivered file. Pure.

Durations are integers in the rendition's timescale; sizes are bytes; hashes are SHA-256 in hex.
"""

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any

from pydantic import TypeAdapter


class Kind(StrEnum):
    VIDEO = "video"
    AUDIO = "audio"


@dataclass(frozen=True, slots=True, kw_only=True)
class Blob:
    """Bytes with an identity."""

    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One delivered media file and how long it plays."""

    blob: Blob
    duration: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendition:
    """One encoded output: an init segment and its segments."""

    id: str  # "v1080", "a1": also its folder in the URL
    kind: Kind
    codec: str  # RFC 6381
    timescale: int
    init: Blob
    segments: tuple[Segment, ...]
    width: int | None = None
    height: int | None = None
    frame_rate: Fraction | None = None
    channels: int | None = None
    language: str | None = None
    passthrough: bool = False

    @property
    def duration_s(self) -> Fraction:
        return Fraction(sum(segment.duration for segment in self.segments), self.timescale)

    @property
    def size_bytes(self) -> int:
        return self.init.size_bytes + sum(segment.blob.size_bytes for segment in self.segments)

    @property
    def average_bandwidth_bps(self) -> int:
        """All segment bits over the whole time."""
        bits = sum(segment.blob.size_bytes for segment in self.segments) * 8
        return round(bits / self.duration_s)

    @property
    def bandwidth_bps(self) -> int:
        """Peak segment bit rate: the largest of any run of segments whose time is 0.5 to 1.5 target durations
        (RFC 8216, 4.1). A last segment shorter than that counts only together with the one before it."""
        target = target_duration(self) * self.timescale
        peak = Fraction(0)
        for first in range(len(self.segments)):
            bits, time = 0, 0
            for segment in self.segments[first:]:
                bits += segment.blob.size_bytes * 8
                time += segment.duration
                if 2 * time > 3 * target:
                    break
                if 2 * time >= target:
                    peak = max(peak, Fraction(bits * self.timescale, time))
        return round(peak) or self.average_bandwidth_bps  # a title shorter than half a target


def target_duration(*renditions: Rendition) -> int:
    """Seconds that every playlist of these declares: the longest segment, to the nearest whole one (RFC 4.4.3.1)."""
    longest = max(Fraction(s.duration, r.timescale) for r in renditions for s in r.segments)
    return max(1, int(longest + Fraction(1, 2)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoded:
    """Everything one encode made."""

    renditions: tuple[Rendition, ...]


_ENCODED = TypeAdapter(Encoded)


def encoded_to_json(encoded: Encoded) -> dict[str, Any]:
    return _ENCODED.dump_python(encoded, mode="json")  # type: ignore[no-any-return]


def encoded_from_json(value: dict[str, Any]) -> Encoded:
    return _ENCODED.validate_python(value)
