"""The encode plan as one value, and the options an owner may set. Pure.

`transcode.plan.build` makes it. It counts in output frames, so that every output can be verified against it.
"""

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Any, Literal

from pydantic import Field

from core.media.checked_json import adapter
from core.media.crop import CropPath, Reframe
from core.storage.digest import digest
from presets.effort import Effort
from presets.rung import Codec
from transcode.plan import grid
from transcode.plan.rungs import VideoRung
from transcode.plan.watermark import Watermark

VERSION = (
    2  # part of the plan's digest: increase it when the encoder's output changes, so that old outputs are not reused
)
AUDIO_RATE_HZ = 48_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Encoding options set by the owner or the operator; times are seconds on the upload's timeline."""

    profile: str = "standard"
    codec: Codec = Codec.H264
    effort: Effort = Effort.BALANCED
    ladder: Literal["smart", "apple"] = "smart"
    preset: str | None = None  # the encoder's preset, in place of the effort's
    start_s: Fraction = Fraction(0)
    end_s: Fraction | None = None
    watermark: Watermark | None = None
    reframe: Reframe = Reframe.AUTO
    chunk_s: int | None = grid.SHORTEST_CHUNK_S  # None: in one piece


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPlan:
    """Filters applied to every frame of track `index` before the rungs are scaled."""

    index: int
    deinterlace: bool
    tone_map: bool
    from_matrix: str  # matrix of the source: "bt709", "bt601" or "bt2020"
    retimed: bool  # the source's timestamps are unusable: frames are shown at a constant rate instead
    watermark: Watermark | None
    crop: CropPath | None = None  # the vertical window that is shown; None: the whole frame
    # Whether the window may begin at an odd pixel. Of more than 8 bits it may not: ffmpeg's crop counts the columns of
    # the colour planes in bytes, and would begin in the middle of a sample.
    crop_odd_pixels: bool = False
    size: tuple[int, int] | None = None  # of the source's frames in samples, upright
    aspect: Fraction | None = None  # the shape they are shown in: frames of another get bars; None: all are stretched
    primaries: str = ""  # of SDR with a wider gamut than BT.709: "bt2020", "smpte431", "smpte432"; else empty
    # Whether the container's own crop is left alone: a margin of a camera, which is shown.
    keep_margin: bool = False
    changes: bool = False  # whether the track's parameters change on the way


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioPlan:
    """One stereo AAC rendition from track `index`; `copyable` where its frames can be copied."""

    id: str
    index: int
    language: str | None
    channels: int  # of the track; 2 unless its frames are copied
    copyable: bool
    copyable_for_now: (
        bool  # copyable until the ladder is ready: any AAC, even a little short, without loudness normalisation
    )
    layout: str = ""  # of the track's channels, as libav names it; empty: it is one that ffmpeg mixes down
    right: int | None = None  # the track of the right side, where `index` is a mono track of the left one
    long_gaps_s: tuple[Fraction, ...] = ()  # where the sound goes on after a gap of a minute or more


@dataclass(frozen=True, slots=True, kw_only=True)
class Passthrough:
    """The upload's own video track as a rendition: published at once, and kept in the final ladder where `lasting`."""

    rung: VideoRung
    bps: int
    lasting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """One decision about the encode and its reason, for people.

    About a rung there is also its id, the reason as a code for pages in other languages, the VMAF that is to be
    expected by what was measured, and, for a rung that was left out, the id of the one that serves its viewers.
    """

    what: str
    why: str
    rung: str | None = None
    code: str = ""
    vmaf: float | None = None
    instead: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EncodePlan:
    """What to encode. Rungs go from largest to smallest and share the cuts. Without video, frames are AAC frames."""

    version: int
    container: str
    origin_s: Fraction  # start of the upload's timeline in the file's timestamps
    video: Annotated[VideoPlan | None, Field(alias="picture")]  # the alias is the key in stored plans
    frame_rate: Fraction
    frames: int
    first_frame: int  # of the upload's timeline, where the title starts: above 0 where it was trimmed
    seek_back_s: Fraction  # how much earlier than a chunk its reading starts
    gop_frames: int
    segment_frames: int  # between regular cuts
    cuts: tuple[int, ...]
    shortest_chunk_s: Fraction | None  # None: in one piece
    shown_frames: int  # from here on the last frame is repeated: no chunk begins there
    chunks: tuple[int, ...]
    half_rate_at: int  # rungs up to this short side show every second frame; 0 where the title is slow enough
    rungs: tuple[VideoRung, ...]
    first_rung: str | None  # encoded and published before the others
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
        """Digest of everything that affects the output, so not of the reasons."""
        return digest(plan_to_json(replace(self, decisions=())))


def plan_to_json(value: EncodePlan) -> dict[str, Any]:
    """The plan as JSON values, for storage and for the digest."""
    return adapter(EncodePlan).dump_python(value, mode="json", by_alias=True)  # type: ignore[no-any-return]


def plan_from_json(value: dict[str, Any]) -> EncodePlan:
    """The plan that `plan_to_json` made this value of. Raises pydantic.ValidationError."""
    return adapter(EncodePlan).validate_python(value)
