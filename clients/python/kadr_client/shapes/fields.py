"""Fields of requests, all optional. What each means, and its default: /openapi.json of Kadr."""

from datetime import datetime
from typing import Literal

from kadr_client.shapes.asset import Policy, Ref
from kadr_client.shapes.typed_dict import TypedDict

Time = str | datetime  # ISO 8601, or a time that knows its zone


class NewAuthor(TypedDict, total=False):
    """Who made a video: a `name`, and the URL of their page."""

    name: str
    url: str | None


class NewChapter(TypedDict):
    """Where a chapter begins, in seconds of the video, and its name."""

    start_s: float
    title: str


class NewClip(TypedDict, total=False):
    """The part of the upload to keep, in seconds of the upload's own timeline."""

    start_s: float
    end_s: float | None


class NewWatermark(TypedDict, total=False):
    """An `image` in base64, drawn over the video."""

    image: str
    position: Literal["top-left", "top-right", "bottom-left", "bottom-right", "center"]
    width_share: float
    opacity: float


class AssetFields(TypedDict, total=False):
    """What you state of a new asset, and how it is encoded."""

    title: str | None
    ref: str | Ref | None
    policy: Policy
    language: str | None
    metadata: dict[str, str]
    allowed_domains: list[str]
    description: str | None
    tags: list[str] | None
    published_at: Time | None
    expires_at: Time | None
    listed: bool | None
    page_url: str | None
    family_friendly: bool | None
    author: NewAuthor | None
    profile: str
    codec: Literal["h264", "hevc", "av1"]
    effort: Literal["economy", "balanced", "quality"]
    ladder: Literal["smart", "apple"]
    clip: NewClip | None
    watermark: NewWatermark | None
    reframe: Literal["auto", "vertical", "none"]
    encryption: Literal["none", "aes-128"]
    posters: str | None
    downloads: Literal["none", "standard"]
    subtitles: Literal["none", "auto"] | None


class AssetChanges(TypedDict, total=False):
    """What may be changed of an asset; what is not given stays. None clears a field, where it may be empty."""

    title: str
    ref: str | Ref | None
    policy: Policy
    language: str | None
    metadata: dict[str, str]
    allowed_domains: list[str]
    chapters: list[NewChapter] | None
    description: str | None
    tags: list[str] | None
    published_at: Time | None
    expires_at: Time | None
    listed: bool
    page_url: str | None
    family_friendly: bool
    author: NewAuthor | None


class TokenLimits(TypedDict, total=False):
    """For how long a playback token is valid, for whom, and where."""

    ttl_s: int
    session_s: int
    viewer: str
    max_sessions: int
    domain: str
    ip: str
    country: str


class UploadTerms(TypedDict, total=False):
    """What is settled about the one upload of an upload token, and for how long the token is valid."""

    ref: str | Ref
    title: str
    policy: Policy
    language: str
    origins: list[str]
    max_size_bytes: int
    expires_s: int


class EndpointChanges(TypedDict, total=False):
    """What may be changed of a webhook endpoint."""

    url: str
    types: list[str]
    description: str
    enabled: bool
