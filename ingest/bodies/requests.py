"""Request bodies and queries of the API as Pydantic models; unknown fields are rejected by name.

/openapi.json is generated from them.
"""

from ipaddress import ip_network
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from core.http.problems import invalid
from core.media.crop import Reframe
from core.model import AssetStatus, Policy
from core.tokens.playback_token import Limits
from packager.encryption import Encryption
from presets.effort import Effort
from presets.poster import NAMES as POSTERS
from presets.profile import NAMES as PROFILES
from presets.rung import Codec
from transcode.plan.encode_plan import Options
from transcode.plan.options import Downloads
from transcode.plan.watermark import MAX_IMAGE_BYTES, Position, Watermark

_DEFAULTS = Options()
_DEFAULT_WATERMARK = Watermark(sha256="")

Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00]*$")]
Language = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35),
    Field(description="Spoken language, BCP 47"),
]
Sha256 = Annotated[
    str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(description="SHA-256 of the whole file, in hex")
]
InputUrl = Annotated[str, StringConstraints(min_length=8, max_length=2000, pattern=r"^https?://[^\x00-\x20]+$")]
AnyAssetId = Annotated[str, StringConstraints(pattern=r"^as_[0-9a-z]{26}$")]
RefType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
RefId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_SHORT_REF = r"^[a-z][a-z0-9_-]{0,31}:[^\x00]{1,200}$"


LONGEST_TOKEN_S = 7 * 86400
Viewer = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x20\x7f]+$"),
    Field(description="Your own identifier of a person"),
]
Domain = Annotated[
    str,
    StringConstraints(max_length=253, pattern=r"^(\*\.)?([A-Za-z0-9-]{1,63}\.)*[A-Za-z0-9-]{1,63}$"),
    Field(description="Domain of the embedding page; *.example.org matches its subdomains"),
]
Country = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Z]{2}$"),
    Field(description="ISO 3166-1 alpha-2; requires an origin behind a proxy that sends the country"),
]


def _network(value: str) -> str:
    ip_network(value, strict=False)  # raises ValueError with a message for the client
    return value


Network = Annotated[
    str,
    StringConstraints(max_length=50),
    AfterValidator(_network),
    WithJsonSchema({"type": "string", "anyOf": [{"format": "ipv4"}, {"format": "ipv6"}]}),
    Field(description="An IP address, or a network in CIDR notation"),
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Ref(Body):
    """What the asset belongs to in the application, for example product 42."""

    type: RefType
    id: RefId


def _long_form(value: object) -> object:
    """`"product:42"` is `{"type": "product", "id": "42"}`."""
    if isinstance(value, str):
        kind, _, ident = value.partition(":")
        return {"type": kind, "id": ident}
    return value


AnyRef = Annotated[
    Ref,
    BeforeValidator(_long_form),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": _SHORT_REF, "maxLength": 233}, Ref.model_json_schema()]}),
]


ShortRef = Annotated[Ref, BeforeValidator(_long_form), WithJsonSchema({"type": "string", "pattern": _SHORT_REF})]


def ref_pair(value: Ref | None) -> tuple[str, str] | None:
    """(type, id) of a reference; None without one."""
    return (value.type, value.id) if value else None


def _known_profile(value: str) -> str:
    if value not in PROFILES:
        raise PydanticCustomError("profile", f"must be one of {', '.join(PROFILES)}")
    return value


def _known_posters(value: str) -> str:
    if value not in POSTERS:
        raise PydanticCustomError("posters", f"must be one of {', '.join(POSTERS)}")
    return value


Profile = Annotated[
    str, AfterValidator(_known_profile), WithJsonSchema({"type": "string", "enum": list(PROFILES)}, mode="validation")
]
Ladder = Literal["smart", "apple"]
PosterProfile = Annotated[
    str, AfterValidator(_known_posters), WithJsonSchema({"type": "string", "enum": list(POSTERS)}, mode="validation")
]
Seconds = Annotated[float, Field(ge=0, le=1_000_000)]


class Clip(Body):
    """The part of the upload to keep, in seconds of the upload's own timeline."""

    start_s: Seconds = 0.0
    end_s: Seconds | None = Field(default=None, description="Default: the end of the upload")

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
    position: Position = _DEFAULT_WATERMARK.position
    width_share: float = Field(
        default=_DEFAULT_WATERMARK.width_share, ge=0.01, le=1, description="Width as a share of the video's width"
    )
    opacity: float = Field(default=_DEFAULT_WATERMARK.opacity, gt=0, le=1)


class _EncodingOptions(Body):
    """How to encode an asset."""

    profile: Profile = Field(default=_DEFAULTS.profile, description="Kind of video")
    codec: Codec = _DEFAULTS.codec
    effort: Effort = _DEFAULTS.effort
    ladder: Ladder = Field(
        default=_DEFAULTS.ladder, description="smart: chosen for this video by measurement; apple: Apple's fixed ladder"
    )
    clip: Clip | None = None
    watermark: NewWatermark | None = None
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
        default=None, description="auto: generate subtitles once the video is ready. Default: set by the server"
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


class _Metadata(Body):
    """Metadata that the owner gives an asset."""

    title: Title | None = None
    ref: AnyRef | None = None
    policy: Policy = Policy.PUBLIC
    language: Language | None = None


class _File(Body):
    """The file that is going to be uploaded."""

    filename: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
    size_bytes: int = Field(ge=0)
    content_type: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")] | None = None
    sha256: Sha256 | None = None


class NewUpload(_File, _Metadata, _EncodingOptions):
    """POST /v1/uploads: the file, metadata and encoding options of a new asset."""


class NewSource(_File):
    """POST /v1/assets/{asset_id}/source: the file that replaces the source."""


class NewPull(_Metadata, _EncodingOptions):
    """POST /v1/assets: from a file at a public URL, or from part of another asset."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["input_url"]}, {"required": ["clip_of", "start_s", "end_s"]}]}
    )

    input_url: InputUrl | None = None
    clip_of: AnyAssetId | None = Field(
        default=None, description="One of your assets. Its title, policy and language are used where none are given"
    )
    start_s: Seconds | None = Field(
        default=None, description="With clip_of: seconds on the timeline of that asset's upload"
    )
    end_s: Seconds | None = None

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
    """PUT /v1/assets/{asset_id}/poster: a candidate or a time. An image is sent as the body itself."""

    model_config = ConfigDict(json_schema_extra={"oneOf": [{"required": ["candidate"]}, {"required": ["time_s"]}]})

    candidate: Annotated[str, StringConstraints(pattern=r"^c[0-9a-f]{12}$")] | None = Field(
        default=None, description="Id of a candidate"
    )
    time_s: Seconds | None = Field(default=None, description="Time of a frame, in seconds of the video")

    @model_validator(mode="after")
    def _check_choice(self) -> Self:
        if (self.candidate is None) == (self.time_s is None):
            raise invalid("Give exactly one of candidate and time_s.", "/candidate")
        return self


class AssetChanges(Body):
    """PATCH /v1/assets/{asset_id}: omitted fields stay unchanged; null clears ref and language."""

    title: Title | None = None
    ref: AnyRef | None = None
    language: Language | None = None


class Reprocess(Body):
    """POST /v1/assets/{asset_id}/reprocess: omitted fields keep the asset's current options."""

    profile: Profile | None = None
    codec: Codec | None = None
    effort: Effort | None = None
    ladder: Ladder | None = None
    reframe: Reframe | None = None


class NewPlaybackId(Body):
    """POST /v1/assets/{asset_id}/playback_ids: the policy of a new playback id."""

    policy: Policy


class NewToken(Body):
    """POST /v1/playback_ids/{playback_id}/token: lifetime and restrictions of a token."""

    ttl_s: int | None = Field(
        default=None, ge=1, le=LONGEST_TOKEN_S, description="For how long a session can be started"
    )
    session_s: int | None = Field(
        default=None,
        ge=1,
        description="For how long a session lasts, from its first request on, renewals included; "
        "default and maximum: KADR_RENEWAL_S of the server",
    )
    viewer: Viewer | None = None
    max_sessions: int | None = Field(default=None, ge=1, le=100, description="Concurrent sessions of this viewer")
    domain: Domain | None = None
    ip: Network | None = None
    country: Country | None = None

    @model_validator(mode="after")
    def _check_viewer(self) -> Self:
        if self.max_sessions is not None and self.viewer is None:
            raise PydanticCustomError("viewer_missing", "max_sessions requires viewer")
        return self

    def limits(self) -> Limits:
        """The restrictions that the token carries."""
        return Limits(
            viewer=self.viewer, max_sessions=self.max_sessions, domain=self.domain, ip=self.ip, country=self.country
        )


class NewRevocation(Body):
    """POST /v1/playback_ids/{playback_id}/revocations: one session, or one viewer of all your videos. Exactly one."""

    session: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")] | None = None
    viewer: Viewer | None = None

    @model_validator(mode="after")
    def _check_subject(self) -> Self:
        if (self.session is None) == (self.viewer is None):
            raise PydanticCustomError("who", "give exactly one of session and viewer")
        return self


class AssetQuery(Body):
    """GET /v1/assets: page and filters of a list of assets."""

    limit: int = Field(default=20, ge=1, le=100)
    cursor: AnyAssetId | None = None
    status: AssetStatus | None = None
    ref: ShortRef | None = None
    q: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] | None = Field(
        default=None, description="Text that the title contains"
    )


class UploadQuery(Body):
    """GET /v1/uploads/{id}: from which part on missing parts get URLs."""

    from_part: int = Field(default=1, ge=1, le=1000)


class Nothing(Body):
    """No body, or an empty object."""

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, value: object) -> object:
        return {} if value is None else value
