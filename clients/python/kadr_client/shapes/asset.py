"""An asset, and everything that is part of one. What each field means: /openapi.json of Kadr."""

from typing import Any, Literal

from kadr_client.shapes.typed_dict import TypedDict

AssetStatus = Literal["waiting", "processing", "playable", "ready", "errored"]
Policy = Literal["public", "signed"]


class Ref(TypedDict):
    """What the asset belongs to in your application, such as product 42."""

    type: str
    id: str


class Step(TypedDict):
    """A step of the pipeline. `progress` is 0..1."""

    kind: str
    state: str
    progress: float
    attempts: int


class Failure(TypedDict):
    """Why something failed: a stable code, a message, and a hint what to do."""

    code: str
    message: str
    hint: str


class Warned(TypedDict):
    """A problem despite which the asset is playable."""

    code: str
    message: str


class Advised(TypedDict):
    """What whoever films can do better."""

    code: str
    message: str
    hint: str


class Doubtful(TypedDict):
    """A time of the title whose captions may be wrong."""

    start_s: float
    end_s: float
    reasons: list[str]
    shown: bool


class Track(TypedDict):
    """Subtitles, captions, or audio in another language. `text` and `updated_at`: only where one track is asked for."""

    id: str
    kind: Literal["subtitles", "captions", "audio"]
    language: str
    language_probability: float | None
    name: str
    forced: bool
    status: Literal["queued", "in_progress", "ready", "skipped", "errored"]
    progress: float | None
    source: Literal["uploaded", "embedded", "generated", "translated", "edited"]
    generated: bool
    model: str | None
    reviewed: bool
    etag: str
    warnings: list[Warned]
    doubtful: list[Doubtful]
    error: Failure | None
    text: str | None
    updated_at: str | None


class Rendition(TypedDict):
    """An encoded video or audio output."""

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
    why: str | None
    vmaf: float | None


class LeftOut(TypedDict):
    """A quality that the title does without."""

    id: str
    instead: str | None


class Timings(TypedDict):
    """Seconds since the upload completed."""

    accepted_s: float | None
    playable_s: float | None
    ready_s: float | None


class Clip(TypedDict):
    """The part of the upload that is kept, in seconds."""

    start_s: float
    end_s: float | None


class Watermark(TypedDict):
    """Where and how the watermark is drawn."""

    sha256: str
    position: Literal["top-left", "top-right", "bottom-left", "bottom-right", "center"]
    width_share: float
    opacity: float


class Options(TypedDict):
    """How the asset is encoded."""

    profile: str
    codec: Literal["h264", "hevc", "av1"]
    effort: Literal["economy", "balanced", "quality"]
    ladder: Literal["smart", "apple"]
    clip: Clip | None
    watermark: Watermark | None
    reframe: Literal["auto", "vertical", "none"]
    posters: str | None
    subtitles: Literal["none", "auto"] | None
    encryption: Literal["none", "aes-128"]
    downloads: Literal["none", "standard"]


class Download(TypedDict):
    """A progressive file."""

    name: str
    url: str
    bytes: int
    width: int | None
    height: int | None


class PlaybackId(TypedDict):
    """An id under which players reach an asset, with its policy."""

    id: str
    policy: Policy


class Author(TypedDict):
    """Who made a video, as its pages name them."""

    name: str
    url: str | None


class Chapter(TypedDict):
    """A chapter that you gave."""

    start_s: float
    title: str


class Asset(TypedDict):
    """An asset with its progress, renditions, tracks and playback URLs."""

    id: str
    status: AssetStatus
    progress: float
    steps: list[Step]
    title: str
    ref: Ref | None
    policy: Policy
    language: str | None
    metadata: dict[str, str]
    allowed_domains: list[str]
    chapters: list[Chapter]
    description: str
    tags: list[str]
    published_at: str | None
    expires_at: str | None
    listed: bool
    page_url: str | None
    family_friendly: bool
    author: Author | None
    options: Options
    duration_s: float | None
    aspect_ratio: str | None
    source: dict[str, Any] | None
    renditions: list[Rendition]
    left_out: list[LeftOut]
    tracks: list[Track]
    poster_url: str | None
    storyboard_url: str | None
    preview_url: str | None
    downloads: list[Download]
    playback_ids: list[PlaybackId]
    playback_url: str | None
    watch_url: str | None
    embed_url: str | None
    warnings: list[Warned]
    advice: list[Advised]
    error: Failure | None
    timings: Timings
    created_at: str
    taken_down_at: str | None
