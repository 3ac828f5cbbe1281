"""VideoFacts: what a probe knows of a file's video track, as one frozen value. Pure.

In: facts of a probe. Out: a value that goes to a sandboxed program as JSON and back. Refuses nothing itself.
Times are seconds as Fractions from the title's zero, unless said.
"""

import json
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any

Crop = tuple[int, int, int, int]  # pixels on the left, right, top and bottom
NO_CROP: Crop = (0, 0, 0, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFacts:
    """One video track. `shown_*` is after sample aspect ratio and rotation, in pixels."""

    demuxer: str  # the one of libav that may open the file
    index: int  # of the stream
    width: int  # of the frames after `crop`
    height: int
    shown_width: int
    shown_height: int
    rotation: int  # degrees clockwise to turn the decoded picture: 0, 90, 180, 270
    interlaced: bool
    transfer: str  # as the probe names them: "smpte2084", "bt709", "unspecified"
    primaries: str
    matrix: str
    full_range: bool
    frame_rate: Fraction
    frames: int
    # Whether the file's own times are wrong and frames are counted: number n is shown at start_s + n / frame_rate.
    retimed: bool
    origin_s: Fraction | None  # where the title's zero is in the file's own times; None: its first frame tells
    start_s: Fraction  # of the first frame
    duration_s: Fraction  # of the track
    crop: Crop = NO_CROP  # cut off the decoded frames by the container; already taken off `width` and `height`

    @property
    def is_hdr(self) -> bool:
        return self.transfer in ("smpte2084", "arib-std-b67")

    @property
    def coded_short_side(self) -> int:
        """Of the frames before the container's crop, in pixels: what unspecified colours are guessed by."""
        left, right, top, bottom = self.crop
        return min(self.width + left + right, self.height + top + bottom)

    @property
    def end_s(self) -> Fraction:
        return self.start_s + self.duration_s


def to_json(video: VideoFacts) -> str:
    """One line of JSON; Fractions become strings like "30000/1001"."""
    return json.dumps({field.name: _plain(getattr(video, field.name)) for field in fields(VideoFacts)})


def from_json(text: str) -> VideoFacts:
    """The facts that `to_json` wrote. By hand: a sandboxed program pays for every import, and pydantic's is slow."""
    facts: dict[str, Any] = json.loads(text)
    exact = {field.name for field in fields(VideoFacts) if field.type in (Fraction, Fraction | None)}
    values: dict[str, Any] = {
        name: Fraction(value) if name in exact and value is not None else value for name, value in facts.items()
    }
    return VideoFacts(**{**values, "crop": tuple(values["crop"])})


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Fraction) else value
