"""Request bodies and queries of the API as Pydantic models; unknown fields are rejected by name.

/openapi.json is generated from them.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from core.db.assets import Sort
from core.http.problems import invalid
from core.media.crop import Reframe
from core.model import AssetStatus, Policy
from ingest.bodies import text
from ingest.bodies.domain import ALLOWED_DOMAINS_TEXT, AllowedDomains
from ingest.bodies.fields import (
    AN_ASSET,
    METADATA_TEXT,
    AnyAssetId,
    AnyRef,
    Body,
    ChangedTitle,
    ChapterTitle,
    InputUrl,
    Ladder,
    Language,
    Metadata,
    PosterProfile,
    Profile,
    Seconds,
    Sha256,
    ShortRef,
    Title,
    example,
)
from ingest.bodies.listing import Listing
from ingest.bodies.page_origin import ORIGINS_TEXT, PageOrigins
from ingest.bodies.playback_requests import LONGEST_TOKEN_S
from ingest.bodies.text import Text
from packager.encryption import Encryption
from presets.effort import Effort
from presets.rung import Codec
from subtitles.cues.own_chapters import MOST
from transcode.plan.encode_plan import Options
from transcode.plan.options import Downloads
from transcode.plan.watermark import MAX_IMAGE_BYTES, Position, Watermark

_DEFAULTS = Options()
_DEFAULT_WATERMARK = Watermark(sha256="")


class Clip(Body):
    """The part of the upload to keep, in seconds of the upload's own timeline."""

    start_s: Seconds = Field(default=0.0, description="Where the part begins")
    end_s: Seconds | None = Field(default=None, description="Where it ends. Default: the end of the upload")

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise PydanticCustomError("range", "end_s must be after start_s")
        return self


class NewWatermark(Body):
    """An image drawn over the video."""

    image: str = Field(
        description=f"PNG, JPEG or WebP in base64, at most {MAX_IMAGE_BYTES} bytes when decoded",
        json_schema_extra={"contentEncoding": "base64"},
    )
    position: Position = Field(default=_DEFAULT_WATERMARK.position, description="Where it is drawn")
    width_share: float = Field(
        default=_DEFAULT_WATERMARK.width_share, ge=0.01, le=1, description="Width as a share of the video's width"
    )
    opacity: float = Field(
        default=_DEFAULT_WATERMARK.opacity, gt=0, le=1, description="From 0, invisible, to 1, opaque"
    )


class _EncodingOptions(Body):
    """How to encode an asset."""

    profile: Profile = Field(default=_DEFAULTS.profile, description="Kind of video")
    codec: Codec = Field(default=_DEFAULTS.codec, description="Video codec of the renditions")
    effort: Effort = Field(default=_DEFAULTS.effort, description="economy uses less CPU, quality fewer bytes")
    ladder: Ladder = Field(
        default=_DEFAULTS.ladder, description="smart: chosen for this video by measurement; apple: Apple's fixed ladder"
    )
    clip: Clip | None = Field(default=None, description="Part of the upload to keep. Default: all of it")
    watermark: NewWatermark | None = Field(default=None, description="Image drawn over the video")
    reframe: Reframe = Field(
        default=_DEFAULTS.reframe,
        description="Crop landscape video to 9:16, shot by shot; auto: only with the profile short-vertical",
    )
    encryption: Encryption = Field(
        default=Encryption.NONE,
        description="aes-128: segments are encrypted, and nothing plays before the asset is ready. Permanent",
    )
    posters: PosterProfile | None = Field(
        default=None, description="What posters are selected for. Default: set by the profile"
    )
    downloads: Downloads = Field(default=Downloads.NONE, description="Progressive MP4 and M4A files to download")
    subtitles: Literal["none", "auto"] | None = Field(
        default=None, description="auto: generate subtitles from the speech. Default: set by the server"
    )

    @model_validator(mode="after")
    def _check_downloads(self) -> Self:
        if self.encryption is not Encryption.NONE and self.downloads is not Downloads.NONE:
            raise PydanticCustomError("downloads", "downloads are not encrypted: choose either encryption or downloads")
        return self

    def options(self, image_sha256: str | None) -> dict[str, Any]:
        """The given options as transcode.plan.options reads them; the watermark image is referred to by its SHA-256."""
        options = self.model_dump(
            mode="json", include=set(_EncodingOptions.model_fields), exclude_unset=True, exclude_none=True
        )
        if mark := options.get("watermark"):
            del mark["image"]
            mark["sha256"] = image_sha256
        return options


class _Metadata(Listing):
    """Metadata that the owner gives an asset."""

    title: Title | None = None
    ref: AnyRef | None = None
    policy: Policy = Field(
        default=Policy.PUBLIC, description="public: anybody may play it; signed: only with a token for each viewer"
    )
    language: Language | None = None
    metadata: Metadata = Field(default_factory=dict, description=METADATA_TEXT)
    allowed_domains: AllowedDomains = Field(default_factory=list, description=ALLOWED_DOMAINS_TEXT)


class _File(Body):
    """The file that is going to be uploaded."""

    filename: Annotated[str, text.line("clip.mp4", min_length=1, max_length=255)] = Field(
        description="Name of the file; its title where you give none"
    )
    size_bytes: int = Field(ge=0, description="Size of the file, exactly", examples=[2_540_000])
    content_type: Annotated[str, text.line("video/mp4", max_length=100)] | None = Field(
        default=None, description="Kept, but not relied upon: the content says what it is"
    )
    sha256: Sha256 | None = None


class NewUpload(_File, _Metadata, _EncodingOptions):
    """POST /v1/uploads: the file, metadata and encoding options of a new asset."""

    model_config = example(
        {"filename": "clip.mp4", "size_bytes": 2_540_000, "title": "Lesson 1", "ref": "lesson:1", "policy": "signed"}
    )


class NewSource(_File):
    """POST /v1/assets/{asset_id}/source: the file that replaces the source."""

    model_config = example({"filename": "clip-2.mp4", "size_bytes": 2_610_000})


class NewPull(_Metadata, _EncodingOptions):
    """POST /v1/assets: from a file at a public URL, or from part of another asset.

    Give either `input_url`, or `clip_of` with `start_s` and `end_s`.
    """

    # Without a oneOf of the two: generated clients could not build a body of this model.
    model_config = example(
        {"input_url": "https://example.org/clip.mp4", "title": "Lesson 1", "ref": "lesson:1"},
        {"clip_of": AN_ASSET, "start_s": 12.5, "end_s": 20},
    )

    input_url: InputUrl | None = None
    clip_of: AnyAssetId | None = Field(
        default=None,
        description="One of your assets. Its title, policy, language, allowed domains, end and whether it is listed "
        "are used where you give none",
    )
    start_s: Seconds | None = Field(
        default=None, description="With clip_of: seconds on the timeline of that asset's upload"
    )
    end_s: Seconds | None = Field(default=None, description="With clip_of: where the part ends")

    @model_validator(mode="after")
    def _check_origin(self) -> Self:
        if (self.input_url is None) == (self.clip_of is None):
            raise invalid("Give exactly one of input_url and clip_of.", "/input_url")
        if self.clip_of is None:
            for name in ("start_s", "end_s"):
                if getattr(self, name) is not None:
                    raise invalid(f"With input_url, give {name} inside clip.", f"/{name}")
            return self
        if self.clip is not None:
            raise invalid("With clip_of, give start_s and end_s directly, not inside clip.", "/clip")
        for name in ("start_s", "end_s"):
            if getattr(self, name) is None:
                raise invalid(f"{name} is required with clip_of.", f"/{name}")
        if self.end_s is not None and self.start_s is not None and self.end_s <= self.start_s:
            raise invalid("end_s must be after start_s.", "/end_s")
        return self

    def options(self, image_sha256: str | None) -> dict[str, Any]:
        options = super().options(image_sha256)
        return {**options, "clip": {"start_s": self.start_s, "end_s": self.end_s}} if self.clip_of else options


class PosterChoice(Body):
    """PUT /v1/assets/{asset_id}/poster: a candidate or a time, one of them. An image is sent as the body itself."""

    model_config = example({"time_s": 12.5}, {"candidate": "c0123456789ab"})

    candidate: (
        Annotated[
            str,
            Text(pattern=r"^c[0-9a-f]{12}$", form="the id of one of the asset's posters", example="c0123456789ab"),
        ]
        | None
    ) = Field(default=None, description="Id of a candidate")
    time_s: Seconds | None = Field(default=None, description="Time of a frame, in seconds of the video")

    @model_validator(mode="after")
    def _check_choice(self) -> Self:
        if (self.candidate is None) == (self.time_s is None):
            raise invalid("Give exactly one of candidate and time_s.", "/candidate")
        return self


class NewChapter(Body):
    """Where a chapter begins, and its name. It lasts until the next one, the last until the end."""

    start_s: Seconds = Field(description="Where it begins, in seconds of the video")
    title: ChapterTitle = Field(description="Its name")


class AssetChanges(Listing):
    """PATCH /v1/assets/{asset_id}: omitted fields stay unchanged.

    null clears ref, language, description, tags, published_at, expires_at, page_url and author; {} clears metadata, []
    allowed_domains. null or [] as chapters: they are made from the captions again.
    """

    model_config = example(
        {"title": "Lesson 1, second edition", "metadata": {"course": "Algebra"}},
        {"policy": "signed", "allowed_domains": ["shop.example.org"]},
        {"description": "From clay to glaze.", "tags": ["pottery"], "listed": True},
        {"chapters": [{"start_s": 0, "title": "Throwing"}, {"start_s": 65, "title": "Glazing"}]},
    )

    title: ChangedTitle | None = None
    ref: AnyRef | None = None
    language: Language | None = None
    metadata: Metadata | None = Field(default=None, description=f"{METADATA_TEXT}. Replaces all of it; {{}} clears it")
    policy: Policy | None = Field(
        default=None,
        description="Policy of all its playback ids. public: anybody may play it; signed: only with a token",
    )
    allowed_domains: AllowedDomains | None = Field(
        default=None, description=f"{ALLOWED_DOMAINS_TEXT}. Replaces the list; [] clears it"
    )
    chapters: Annotated[list[NewChapter], Field(max_length=MOST)] | None = Field(
        default=None,
        description="Chapters in their order, instead of those that are made from the captions. Replaces all of them",
    )


class Reprocess(Body):
    """POST /v1/assets/{asset_id}/reprocess: omitted fields keep the asset's current options."""

    model_config = example({"effort": "quality"})

    profile: Profile | None = Field(default=None, description="Kind of video")
    codec: Codec | None = Field(default=None, description="Video codec of the renditions")
    effort: Effort | None = Field(default=None, description="economy uses less CPU, quality fewer bytes")
    ladder: Ladder | None = Field(default=None, description="Chosen by measurement, or Apple's fixed ladder")
    reframe: Reframe | None = Field(default=None, description="Crop landscape video to 9:16, shot by shot")


class NewUploadToken(Body):
    """POST /v1/upload_tokens: what is settled about the upload, and for how long the token is valid."""

    model_config = example(
        {"ref": "product:42", "origins": ["https://shop.example.org"], "max_size_bytes": 500_000_000}
    )

    ref: AnyRef | None = Field(
        default=None, description="Reference of the asset. Default: none; a page cannot give one"
    )
    title: Title | None = Field(default=None, description="Title of the asset. Default: what the page says")
    policy: Policy = Field(
        default=Policy.PUBLIC, description="public: anybody may play it; signed: only with a token for each viewer"
    )
    language: Language | None = Field(default=None, description="Spoken language. Default: what the page says")
    origins: PageOrigins = Field(default_factory=list, description=ORIGINS_TEXT)
    max_size_bytes: int | None = Field(
        default=None, ge=1, description="Largest file that is taken. Default: what the server takes"
    )
    expires_s: int = Field(
        default=3600,
        ge=1,
        le=LONGEST_TOKEN_S,
        description="For how long the token is valid, from its creation: sending the file and waiting for it included",
    )


Cursor = Annotated[
    str,
    Text(pattern=r"^[A-Za-z0-9_-]+$", form="next_cursor of the page before", example=AN_ASSET, max_length=1000),
]


class AssetQuery(Body):
    """GET /v1/assets: page and filters of a list of assets."""

    limit: int = Field(default=20, ge=1, le=100, description="Assets per page")
    cursor: Cursor | None = Field(default=None, description="`next_cursor` of the page before, in the same order")
    sort: Sort = Field(
        default=Sort.NEWEST,
        description="newest or oldest first; by title; longest first, those without a duration last",
    )
    status: AssetStatus | None = Field(default=None, description="Only assets with this status")
    ref: ShortRef | None = None
    q: Annotated[str, text.line("lesson", max_length=200)] | None = Field(
        default=None, description="Text that the title contains"
    )


class UploadQuery(Body):
    """GET /v1/uploads/{id}: from which part on missing parts get URLs."""

    from_part: int = Field(default=1, ge=1, le=1000, description="First part to give URLs for, where it is missing")


class Nothing(Body):
    """No body, or an empty object."""

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, value: object) -> object:
        return {} if value is None else value
