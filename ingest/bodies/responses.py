"""Response bodies of the API as Pydantic models; /openapi.json is generated from them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.db.tracks import TrackKind, TrackSource, TrackStatus
from core.listing import Unlisted
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

    number: int = Field(description="Number of the part, from 1")
    size_bytes: int = Field(description="Size that has to be sent, exactly")
    arrived: bool = Field(description="Whether the part is there, whole")
    url: str | None = Field(
        description="Presigned URL to PUT the part to; null once it has arrived, and when the upload is closed"
    )


class Upload(_Shape):
    """An upload, its status and the presigned URLs of its next parts, at most 200 at once.

    `next_part` is the first missing part without a URL: GET the upload with `from_part` for more. Null: there is none.
    """

    id: str = Field(description="Id of the upload, up_...")
    asset_id: str = Field(description="The asset that the upload belongs to")
    status: UploadStatus = Field(description="open until it is completed, aborted or expired")
    method: Literal["PUT"] = Field(description="How parts are sent")
    parts: list[Part] = Field(description="Parts of the file in order; none once the upload is closed")
    next_part: int | None = Field(description="First missing part without a URL; null: there is none")
    part_size_bytes: int = Field(description="Size of every part but the last")
    expires_at: datetime = Field(description="When the upload and its URLs expire")


class PlaybackIdShape(_Shape):
    """An id under which players reach an asset, with its policy."""

    id: str = Field(description="Id of the playback id, pb_...")
    policy: Policy = Field(description="public: anybody may play it; signed: only with a token")


class Token(_Shape):
    """A signed playback token, and the URLs with it."""

    token: str = Field(description="The signed token")
    url: str = Field(description="URL of the HLS playlist")
    dash_url: str | None = Field(
        description="URL of the DASH manifest; null for an encrypted asset, which is not played with DASH"
    )
    watch_url: str = Field(description="URL of a page to watch it on")
    embed_url: str = Field(description="URL of the player alone, for an iframe on another page")
    poster_url: str | None = Field(description="URL of the poster; null until there is one")
    storyboard_url: str | None = Field(description="URL of the WebVTT file of preview tiles; null until there is one")
    session: str = Field(description="Id of the session, for revocations")
    expires_at: datetime = Field(description="When the token expires: until then the session can be started")


class Revocation(_Shape):
    """A session or viewer that may no longer watch. No token signed before the revocation is valid after `until`."""

    session: str | None = Field(description="The revoked session")
    viewer: str | None = Field(description="The revoked viewer")
    until: datetime = Field(description="When the last token that was signed before expires")


class UploadTokenShape(_Shape):
    """An upload token: give it to one page or app, which sends it as Authorization: Bearer ut_..."""

    token: str = Field(description="The token, ut_...; it is not shown again")
    expires_at: datetime = Field(description="When it expires")


class RefShape(_Shape):
    """What the asset belongs to in the application, such as product 42."""

    type: str = Field(description="Kind of object in the application")
    id: str = Field(description="Id of the object in the application")


class StepShape(_Shape):
    """A step of the pipeline. `progress` is 0..1."""

    kind: str = Field(description="What the step does, for example encode")
    state: str = Field(description="queued, leased (under way), done, failed or dead")
    progress: float = Field(description="From 0 to 1")
    attempts: int = Field(description="Tries that have failed")


class TrackShape(_Shape):
    """`language` is "und" until it is detected. `generated`: machine-made and not edited. Send `etag` in If-Match."""

    id: str = Field(description="Id of the track, tr_...")
    kind: TrackKind = Field(description="What the track is")
    language: str = Field(description='Language, BCP 47; "und" until it is detected')
    language_probability: float | None = Field(description="How sure the detection of the language is, from 0 to 1")
    name: str = Field(description="Name that players show")
    forced: bool = Field(description="Whether everybody has to read it: another language, signs in the picture")
    status: TrackStatus = Field(description="Whether its text or audio is there")
    progress: float | None = Field(description="From 0 to 1 while it is being made")
    source: TrackSource = Field(description="Where the text or audio comes from")
    generated: bool = Field(description="Whether a machine made it and nobody has edited it")
    model: str | None = Field(description="Model that made the text")
    reviewed: bool = Field(description="Whether a person has reviewed the text")
    etag: str = Field(description="Version; send it in If-Match to change the track")
    warnings: list["Warned"] = Field(description="Problems with the text despite which it is used")
    doubtful: list["Doubtful"] = Field(description="Times whose captions a person should check, in order")
    error: "Failure | None" = Field(description="Why the last attempt to make it failed")
    text: str | None = Field(default=None, description="The text as WebVTT; only where one track is asked for")
    updated_at: datetime | None = Field(
        default=None, description="When it changed last; only where one track is asked for"
    )


class Doubtful(_Shape):
    """A time of the title whose captions may be wrong."""

    start_s: float = Field(description="Where it begins, in seconds")
    end_s: float = Field(description="Where it ends, in seconds")
    reasons: list[str] = Field(description="Why: codes, listed in docs/errors.md")
    shown: bool = Field(description="Whether there are captions; what nobody seems to have said has none")


class RenditionShape(_Shape):
    """An encoded video or audio output. Bandwidths as in HLS: peak and average."""

    id: str = Field(description="Id of the rendition, for example v720")
    kind: Literal["video", "audio"] = Field(description="Video or audio")
    codec: str = Field(description="Codec string of RFC 6381")
    width: int | None = Field(description="Width in pixels")
    height: int | None = Field(description="Height in pixels")
    frame_rate: float | None = Field(description="Frames per second")
    bandwidth_bps: int = Field(description="Peak bit rate, as in HLS")
    average_bandwidth_bps: int = Field(description="Average bit rate, as in HLS")
    bytes: int = Field(description="Size of all its segments")
    passthrough: bool = Field(description="Whether it is the upload's own track, not encoded again")
    why: str | None = Field(
        default=None,
        description="Why the title has it: first (made first, to be watched at once), top, capped, lowest, between, "
        "usual (nothing was measured), fixed, uploaded; null for sound, and where it is not known",
    )
    vmaf: float | None = Field(
        default=None,
        description="VMAF to be expected, by samples of the title that were encoded and measured; null without those",
    )


class LeftOut(_Shape):
    """A quality that the title does without."""

    id: str = Field(description="Id that its rendition would have")
    instead: str | None = Field(description="Id of the rendition that serves its viewers as well")


class Failure(_Shape):
    """Why something failed: a stable code, a message, and a hint what to do."""

    code: str = Field(description="Stable code, listed in docs/errors.md")
    message: str = Field(description="What is wrong, in a sentence")
    hint: str = Field(description="What can be done about it")


class Warned(_Shape):
    """A problem with the upload, or with the text of a track, despite which the asset is playable."""

    code: str = Field(description="Stable code, listed in docs/errors.md")
    message: str = Field(description="What is wrong, in a sentence")


class Advised(_Shape):
    """What whoever films can do better; nothing was changed because of it."""

    code: str = Field(description="Stable code, listed in docs/errors.md")
    message: str = Field(description="What was noticed, in a sentence")
    hint: str = Field(description="What to do about it, in a sentence")


class Timings(_Shape):
    """Seconds since the upload completed."""

    accepted_s: float | None = Field(description="Until the upload was checked and stored")
    playable_s: float | None = Field(description="Until it could be watched")
    ready_s: float | None = Field(description="Until all renditions were there")


class ClipShape(_Shape):
    """The part of the upload that is kept, in seconds."""

    start_s: float = Field(description="Where the part begins")
    end_s: float | None = Field(description="Where it ends; null: at the end of the upload")


class WatermarkShape(_Shape):
    """Where and how the watermark is drawn. The image itself is not returned."""

    sha256: str = Field(description="SHA-256 of the image")
    position: Position = Field(description="Where it is drawn")
    width_share: float = Field(description="Width as a share of the video's width")
    opacity: float = Field(description="From 0, invisible, to 1, opaque")


class OptionsShape(_Shape):
    """How the asset is encoded. A reprocess request may override it."""

    profile: str = Field(description="Kind of video")
    codec: Codec = Field(description="Video codec of the renditions")
    effort: Effort = Field(description="CPU against bytes")
    ladder: Literal["smart", "apple"] = Field(description="Chosen by measurement, or fixed")
    clip: ClipShape | None = Field(description="Part of the upload that is kept; null: all of it")
    watermark: WatermarkShape | None = Field(description="Image drawn over the video")
    reframe: Reframe = Field(description="Whether landscape video is cropped to 9:16")
    posters: str | None = Field(description="What posters are selected for; null: set by the profile")
    subtitles: Literal["none", "auto"] | None = Field(
        description="Whether subtitles are generated; null: set by the server"
    )
    encryption: Encryption = Field(description="How segments are encrypted")
    downloads: Downloads = Field(description="Which files to download are made")


class DownloadShape(_Shape):
    """A progressive file. Its URL is stable; add `download=1` to the query to make a browser save it."""

    name: str = Field(description="File name, for example high.mp4")
    url: str = Field(description="Stable URL of the file")
    bytes: int = Field(description="Size of the file")
    width: int | None = Field(description="Width in pixels; null for audio")
    height: int | None = Field(description="Height in pixels; null for audio")


class ImageShape(_Shape):
    """One size, shape and type of an image. `url` is null where the asset cannot be watched."""

    url: str | None = Field(description="URL of the image; null where the asset cannot be watched")
    shape: str = Field(description="full, square or vertical")
    type: str = Field(description="Media type")
    width: int = Field(description="Width in pixels")
    height: int = Field(description="Height in pixels")
    bytes: int = Field(description="Size of the file")


class CandidateShape(_Shape):
    """A poster candidate. `signals` are the parts of its score."""

    id: str = Field(description="Id of the candidate, to choose it")
    time_s: float = Field(description="Time of its frame in the video")
    score: float = Field(description="Weighted sum of its signals; higher is better")
    signals: dict[str, float] = Field(description="Measurements that the score is made of, each from 0 to 1")
    reason: str = Field(description="Why it was selected, in a sentence")
    reasons: list[str] = Field(
        description="The same as codes, listed in docs/studio.md; none of candidates that an earlier release selected"
    )
    low_confidence: bool = Field(description="Whether no frame of the video is a good poster")
    chosen: bool = Field(description="Whether a person has chosen it")
    url: str | None = Field(description="URL of its largest image")
    images: list[ImageShape] = Field(description="The image in all sizes, shapes and types")
    thumbhash: str = Field(description="ThumbHash in base64, to show while the image loads")
    colour: str = Field(description="Dominant colour, #rrggbb")


class PosterShape(_Shape):
    """The current poster and who chose it. `waiting`: another choice is being prepared; `error`: why that failed."""

    by: Literal["kadr", "candidate", "time", "upload"] | None = Field(
        description="Who chose it: kadr, or a person by candidate, time or upload"
    )
    candidate: str | None = Field(description="Id of the candidate it is")
    time_s: float | None = Field(description="Time of its frame in the video")
    waiting: bool = Field(description="Whether another choice is being prepared")
    fallback: str | None = Field(description="Why no good frame was found, where that is so")
    url: str | None = Field(description="URL of its largest image")
    images: list[ImageShape] = Field(description="The image in all sizes, shapes and types")
    thumbhash: str | None = Field(description="ThumbHash in base64, to show while the image loads")
    colour: str | None = Field(description="Dominant colour, #rrggbb")
    error: Failure | None = Field(description="Why the last choice could not be prepared; the poster before it stays")


class AuthorShape(_Shape):
    """Who made a video, as its pages name them."""

    name: str = Field(description="Name of a person or a business")
    url: str | None = Field(description="Their page")


class PageMarkup(_Shape):
    """What a page of yours says about an asset: paste `head` into its <head>, `iframe` where the video is to be."""

    listed: bool = Field(description="Whether search engines may find it now")
    why_unlisted: Unlisted | None = Field(description="Why they may not")
    canonical_url: str = Field(description="URL of the page that they are to show")
    json_ld: dict[str, Any] = Field(description="schema.org VideoObject")
    head: str = Field(description="HTML: link, meta and script elements; the script only where it is listed")
    iframe: str = Field(description="HTML of the player")


class AccountShape(_Shape):
    """What holds for all of an owner's assets."""

    id: str = Field(description="Id of the owner, ow_...")
    name: str = Field(description="Name")
    list_by_default: bool = Field(
        description="Whether search engines may find new assets, unless an asset says otherwise"
    )


class UsageShape(_Shape):
    """What CDNs have delivered on one day of an owner's assets."""

    day: str = Field(description="The day, in UTC", json_schema_extra={"format": "date"})
    requests: int = Field(description="Requests, also those of bots and with errors")
    errors: int = Field(description="Of them, how many were answered 400 and above")
    bytes: int = Field(description="Bytes sent to viewers, as the CDN counts them")


class UploadedAsset(_Shape):
    """An asset as the bearer of its upload token sees it: how far it is, and where it plays."""

    id: str = Field(description="Id of the asset, as_...")
    status: AssetStatus = Field(
        description="waiting for its upload, processing, playable (first renditions), ready (all of them) or errored"
    )
    progress: float = Field(description="Progress of all processing, from 0 to 1")
    steps: list[StepShape] = Field(description="Steps of the pipeline, in order")
    error: Failure | None = Field(description="Why processing failed, if it did")
    advice: list[Advised] = Field(description="What can be done better when filming, the most important first")
    playback_ids: list[PlaybackIdShape] = Field(description="Ids under which it can be played")
    playback_url: str | None = Field(
        description="URL of the HLS playlist for any player; null until it is playable. With policy signed it has a "
        "token for one viewer"
    )


class ChapterShape(_Shape):
    """A chapter that the owner has given. It lasts until the next one, the last until the end."""

    start_s: float = Field(description="Where it begins, in seconds of the video")
    title: str = Field(description="Its name")


class AssetShape(_Shape):
    """An asset with its progress, renditions, tracks and playback URLs."""

    id: str = Field(description="Id of the asset, as_...")
    status: AssetStatus = Field(
        description="waiting for its upload, processing, playable (first renditions), ready (all of them) or errored"
    )
    progress: float = Field(description="Progress of all processing, from 0 to 1")
    steps: list[StepShape] = Field(description="Steps of the pipeline, in order")
    title: str = Field(description="Title")
    ref: RefShape | None = Field(description="What it belongs to in your application")
    policy: Policy = Field(description="Policy of its playback ids, but those that were added with another one")
    language: str | None = Field(description="Spoken language, BCP 47")
    metadata: dict[str, str] = Field(description="Your own data")
    allowed_domains: list[str] = Field(description="Domains of the pages that may play it; empty: any page")
    chapters: list[ChapterShape] = Field(
        description="Chapters that you gave, in order; none: players show those that are made from the captions"
    )
    description: str = Field(description="What happens in the video, as plain text")
    tags: list[str] = Field(description="Subjects")
    published_at: datetime | None = Field(description="When it was published; null: not yet")
    expires_at: datetime | None = Field(description="From then on it is neither listed nor played; null: never")
    listed: bool = Field(
        description="Whether search engines may find it, once it is ready, for as long as it is public"
    )
    page_url: str | None = Field(description="Your own page that shows it; null: its watch page")
    family_friendly: bool = Field(description="false: for adults only")
    author: AuthorShape | None = Field(description="Who made it")
    options: OptionsShape = Field(description="How it is encoded")
    duration_s: float | None = Field(description="Duration of what is published, in seconds")
    aspect_ratio: str | None = Field(description="Aspect ratio as shown, for example 16:9")
    source: dict[str, Any] | None = Field(description="Facts about the upload: container, tracks, colour, warnings")
    renditions: list[RenditionShape] = Field(description="What has been published")
    left_out: list[LeftOut] = Field(description="Qualities that the title does without, as others serve as well")
    tracks: list[TrackShape] = Field(description="Subtitles, captions and audio in other languages")
    poster_url: str | None = Field(description="URL of the poster")
    storyboard_url: str | None = Field(description="URL of the WebVTT file of preview tiles")
    preview_url: str | None = Field(description="URL of the animated preview")
    downloads: list[DownloadShape] = Field(description="Files to download, where they were asked for")
    playback_ids: list[PlaybackIdShape] = Field(description="Ids under which it can be played")
    playback_url: str | None = Field(
        description="URL of the HLS playlist for any player; null until it is playable. With policy signed it has a "
        "short-lived token: sign one for each viewer instead"
    )
    watch_url: str | None = Field(description="URL of a page to watch it on; null until it is playable")
    embed_url: str | None = Field(
        description="URL of the player alone, for an iframe on another page; null until it is playable"
    )
    warnings: list[Warned] = Field(description="Problems despite which it plays")
    advice: list[Advised] = Field(
        description="What can be done better when filming, the most important first. It comes as soon as something was "
        "measured, at the latest with the pictures, which may be after `ready`"
    )
    error: Failure | None = Field(description="Why it, or its last change, failed")
    timings: Timings = Field(description="Seconds since the upload was completed")
    created_at: datetime = Field(description="When it was created")
    taken_down_at: datetime | None = Field(description="When it was taken down; null: it was not")


class Alive(_Shape):
    """Liveness of the process."""

    status: Literal["ok"] = Field(description="ok while the process answers")


class Health(_Shape):
    """Readiness, with the state of each dependency."""

    status: Literal["ok", "unavailable"] = Field(description="ok while the service can be used")
    parts: dict[str, bool] = Field(description="Whether each part that it depends on answers")
