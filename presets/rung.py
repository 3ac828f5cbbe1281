"""Values a ladder is made of: a codec's name and one quality of it. Pure."""

from dataclasses import dataclass
from enum import StrEnum

SHORTEST_SIDE = 32  # pixels; anything smaller is refused


class Codec(StrEnum):
    """Video codecs that titles are encoded to."""

    H264 = "h264"
    HEVC = "hevc"
    AV1 = "av1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One quality of a ladder: `short_side` in displayed pixels, `cap_bps` what its average may reach."""

    short_side: int
    cap_bps: int
