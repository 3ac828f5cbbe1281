"""Response bodies of the API as Pydantic models; /openapi.json is generated from them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from core.db.tracks import TrackKind, TrackSource, TrackStatus
from core.media.crop import Reframe
from core.model import AssetStatus, Policy, UploadStatus
from packager.encryption import Encryption
from presets.effort import Effort
from presets.rung import Codec
from transcode.plan.options import Downloads
from transcode.plan.watermark import Position


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Part(_Shape):
    """One part of an upload: PUT exactly `size_bytes` to `url`. A part that has arrived, or whose turn has yet to come
    (`next_part` of the upload), has no URL."""

    number: int
    size_bytes: int
    arrived: bool
    url: str | None


class Upload(_Shape):
    """An upload, its status and the presigned URLs of its next parts, at most 200 at once.

    `next_part` is the first missing part without a URL: GET the upload with `from_part` for more. Null: there is none.
    """

    id: str
    asset_id: str
    status: UploadStatus
    method: Literal["PUT"]
    parts: list[Part]
    next_part: int | None
    part_size_bytes: int
    expires_at: datetime


class PlaybackIdShape(_Shape):
    """An id under which players reach an asset, with its policy."""

    id: str
    policy: Policy


class Token(_Shape):
    """A signed playback token. `expires_at` is in Unix seconds."""

    token: str
    url: str
    session: str
    expires_at: int


class Revocation(_Shape):
    """A session or viewer that may no longer watch. No token signed before the revocation is valid after `until`."""

    session: str | None
    viewer: str | None
    until: datetime


class RefShape(_Shape):
    """What the asset belongs to in the application, such as product 42."""

    type: str
    id: str


class StepShape(_Shape):
    """A step of the pipeline. `progress` is 0..1."""

    kind: str
    state: str
    progress: float
    attempts: int


class TrackShape(_Shape):
    """`language` is "und" until it is detected. `generated`: machine-made and not edited. Send `etag` in If-Match."""

    id: str
    kind: TrackKind
    language: str
    language_probability: float | None
    name: str
    forced: bool
    status: TrackStatus
    progress: float | None
    source: TrackSource
    generated: bool
    model: str | None
    reviewed: bool
    etag: str
    warnings: list["Warned"]
    error: "Failure | None"
    text: str | None = None
    updated_at: datetime | None = None


class RenditionShape(_Shape):
    """An encoded video or audio output. Bandwidths as in HLS: peak and average."""

    id: str
    kind: Literal["video", "audio"]
    codec: str
    width: int | None
    height: int | None
    frame_rate: float | None
    bandwidth_bps: int
    average_bandwidth_bps: int
    bytes: int
    passthrough: bool


class Failure(_Shape):
    """Why something failed: a stable code, a message, and a hint what to do."""

    code: str
    message: str
    hint: str


class Warned(_Shape):
    """A problem with the upload, or with the text of a track, despite which the asset is playable."""

    code: str
    message: str


class Timings(_Shape):
    """Seconds since the upload completed."""

    accepted_s: float | None
    playable_s: float | None
    ready_s: float | None


class ClipShape(_Shape):
    """The part of the upload that is kept, in seconds."""

    start_s: float
    end_s: float | None


class WatermarkShape(_Shape):
    """Where and how the watermark is drawn. The image itself is not returned."""

    sha256: str
    position: Position
    width_share: float
    opacity: float


class OptionsShape(_Shape):
    """How the asset is encoded. A reprocess request may override it."""

    profile: str
    codec: Codec
    effort: Effort
    ladder: Literal["smart", "apple"]
    clip: ClipShape | None
    watermark: WatermarkShape | None
    reframe: Reframe
    posters: str | None
    subtitles: Literal["none", "auto"] | None
    encryption: Encryption
    downloads: Downloads


class DownloadShape(_Shape):
    """A progressive file. Its URL is stable; add `download=1` to the query to make a browser save it."""

    name: str
    url: str
    bytes: int
    width: int | None
    height: int | None


class ImageShape(_Shape):
    """One size, shape and type of an image. `url` is null where the asset cannot be watched."""

    url: str | None
    shape: str
    type: str
    width: int
    height: int
    bytes: int


class CandidateShape(_Shape):
    """A poster candidate. `signals` are the parts of its score."""

    id: str
    time_s: float
    score: float
    signals: dict[str, float]
    reason: str
    low_confidence: bool
    chosen: bool
    url: str | None
    images: list[ImageShape]
    thumbhash: str
    colour: str


class PosterShape(_Shape):
    """The current poster and who chose it. `waiting`: another choice is being prepared; `error`: why that failed."""

    by: Literal["kadr", "candidate", "time", "upload"] | None
    candidate: str | None
    time_s: float | None
    waiting: bool
    fallback: str | None
    url: str | None
    images: list[ImageShape]
    thumbhash: str | None
    colour: str | None
    error: Failure | None


class AssetShape(_Shape):
    """An asset with its progress, renditions, tracks and playback URLs."""

    id: str
    status: AssetStatus
    progress: float
    steps: list[StepShape]
    title: str
    ref: RefShape | None
    policy: Policy
    language: str | None
    options: OptionsShape
    duration_s: float | None
    aspect_ratio: str | None
    source: dict[str, Any] | None
    renditions: list[RenditionShape]
    tracks: list[TrackShape]
    poster_url: str | None
    storyboard_url: str | None
    preview_url: str | None
    downloads: list[DownloadShape]
    playback_ids: list[PlaybackIdShape]
    playback_url: str | None
    watch_url: str | None
    warnings: list[Warned]
    error: Failure | None
    timings: Timings
    created_at: datetime
    taken_down_at: datetime | None


class ProblemShape(BaseModel):
    """Problem details for an error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    hint: str | None = None
    pointer: str | None = None


class Alive(_Shape):
    """Liveness of the process."""

    status: Literal["ok"]


class Health(_Shape):
    """Readiness, with the state of each dependency."""

    status: Literal["ok", "unavailable"]
    parts: dict[str, bool]
