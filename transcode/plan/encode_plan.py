"""What is to be encoded, as one value: the plan, and what an owner may wish of it. Pure.

`transcode.plan.build` decides it. It counts in output frames, so that every output can be checked against it.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from core.media.crop import CropPath, Reframe
from core.storage.digest import digest
from presets.effort import Effort
from presets.rung import Codec
from transcode.plan import grid
from transcode.plan.rungs import VideoRung
from transcode.plan.watermark import Watermark

VERSION = 2  # part of the plan's digest: a change of what the encoder does must not reuse old outputs
AUDIO_RATE_HZ = 48_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the owner or the operator wishes."""

    profile: str = "standard"
    codec: Codec = Codec.H264
    effort: Effort = Effort.BALANCED
    ladder: Literal["smart", "apple"] = "smart"
    preset: str | None = None  # the encoder's own preset, instead of the effort's
    start_s: Fraction = Fraction(0)
    end_s: Fraction | None = None
    watermark: Watermark | None = None
    reframe: Reframe = Reframe.AUTO
    chunk_s: int | None = grid.SHORTEST_CHUNK_S  # None: in one piece


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPlan:
    """What is done to every frame of track `index` before the rungs part."""

    index: int
    deinterlace: bool
    tone_map: bool
    from_matrix: str  # what the video's YCbCr means: "bt709", "bt601" or "bt2020"
    from_full_range: bool
    retimed: bool  # the frames' own times cannot be true: they are shown one after the other instead
    watermark: Watermark | None
    crop: CropPath | None = None  # the upright window shown of it; None: all of it
    # Whether the window may begin at an odd pixel. Of more than 8 bits it may not: ffmpeg's crop counts the columns of
    # the colour planes in bytes, and would begin in the middle of a sample.
    crop_odd_pixels: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPlan:
    """One stereo AAC rendition from track `index`; `copy` where its frames may be taken as they are."""

    id: str
    index: int
    language: str | None
    channels: int  # of the track; 2 unless its frames are copied
    copyable: bool
    copyable_for_now: bool  # good enough until the ladder is there: any AAC, a little short, as loud as it is


@dataclass(frozen=True, slots=True, kw_only=True)
class Passthrough:
    """The upload's own video track as a rendition: shown at once, and kept for good where `lasting`."""

    rung: VideoRung
    bps: int
    lasting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided and why, for people."""

    what: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodePlan:
    """What to encode. Rungs go from largest to smallest and share the cuts. Without video a frame is one of AAC."""

    version: int
    container: str
    origin_s: Fraction  # where the upload's timeline begins in the file's own times
    video: Annotated[VideoPlan | None, Field(alias="picture")]  # the alias is the key in stored plans
    frame_rate: Fraction
    frames: int
    first_frame: int  # of the upload's timeline, where the title starts: above 0 where it was trimmed
    seek_back_s: Fraction  # how much earlier than a chunk its reading starts
    gop_frames: int
    segment_frames: int  # between regular cuts
    cuts: tuple[int, ...]
    shortest_chunk_s: Fraction | None  # None: in one piece
    shown_frames: int  # from here on the last frame stands: no chunk begins there
    chunks: tuple[int, ...]
    half_rate_at: int  # rungs up to this short side show every second frame; 0 where the title is slow enough
    rungs: tuple[VideoRung, ...]
    first_rung: str | None  # goes first and is shown while the others are made
    audio: Annotated[tuple[AudioPlan, ...], Field(alias="sounds")]
    audio_bps: int
    codec: Codec
    preset: str
    encoder_options: tuple[tuple[str, str], ...]
    passthrough: Passthrough | None
    smart: bool  # rungs are still to be chosen by measuring
    effort: Effort
    decisions: tuple[Decision, ...]

    @property
    def duration_s(self) -> Fraction:
        return self.frames / self.frame_rate

    @property
    def start_s(self) -> Fraction:
        return self.first_frame / self.frame_rate

    @property
    def timescale(self) -> int:
        """Ticks per second in which one frame is a whole number of ticks and times stay exact."""
        return self.frame_rate.numerator * (1 if self.frame_rate.numerator >= 1000 else 1000)

    @property
    def frame_ticks(self) -> int:
        return self.timescale * self.frame_rate.denominator // self.frame_rate.numerator

    @property
    def cuts_s(self) -> tuple[Fraction, ...]:
        return tuple(cut / self.frame_rate for cut in self.cuts)

    def chunk(self, number: int) -> tuple[int, int]:
        """First frame of a chunk and the one after its last."""
        ends = (*self.chunks[1:], self.frames)
        return self.chunks[number], ends[number]

    def digest(self) -> str:
        """Identity of what will come out; the reasons given do not count."""
        return digest(plan_to_json(replace(self, decisions=())))


_ADAPTER = TypeAdapter(EncodePlan)


def plan_to_json(value: EncodePlan) -> dict[str, Any]:
    """Plain JSON values, for storage and the digest."""
    return _ADAPTER.dump_python(value, mode="json", by_alias=True)  # type: ignore[no-any-return]


def plan_from_json(value: dict[str, Any]) -> EncodePlan:
    return _ADAPTER.validate_python(value)
