"""HTTP bodies and queries in. Unknown fields are refused by name; the same models make /openapi.json."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema, model_validator

from core.model import AssetStatus, Policy

Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500, pattern=r"^[^\x00]*$")]
Language = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", max_length=35),
    Field(description="Spoken language, BCP 47"),
]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), Field(description="Of the whole file, in hex")]
RefType = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
RefId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
_SHORT_REF = r"^[a-z][a-z0-9_-]{0,31}:[^\x00]{1,200}$"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Ref(_Body):
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
    """(type, id)."""
    return (value.type, value.id) if value else None


class _About(_Body):
    """What an owner says of an asset."""

    title: Title | None = None
    ref: AnyRef | None = None
    policy: Policy = Policy.PUBLIC
    language: Language | None = None


class _File(_Body):
    """What is going to be uploaded."""

    filename: Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00]*$")]
    size_bytes: int = Field(ge=0)
    content_type: Annotated[str, StringConstraints(max_length=100, pattern=r"^[^\x00]*$")] | None = None
    sha256: Sha256 | None = None


class NewUpload(_File, _About):
    """POST /v1/uploads."""


class NewSource(_File):
    """POST /v1/assets/{asset_id}/source."""


class NewPull(_About):
    """POST /v1/assets."""

    input_url: Annotated[str, StringConstraints(min_length=8, max_length=2000, pattern=r"^https?://[^\x00-\x20]+$")]


class AssetChanges(_Body):
    """PATCH /v1/assets/{asset_id}: only what is given changes; null clears ref and language."""

    title: Title | None = None
    ref: AnyRef | None = None
    language: Language | None = None


class Reprocess(_Body):
    """POST /v1/assets/{asset_id}/reprocess."""

    effort: Literal["economy", "balanced", "quality"] = "balanced"


class NewPlaybackId(_Body):
    """POST /v1/assets/{asset_id}/playback_ids."""

    policy: Policy


class NewToken(_Body):
    """POST /v1/playback_ids/{playback_id}/token."""

    ttl_s: int | None = Field(default=None, ge=1, le=7 * 86400)


class AssetQuery(_Body):
    """GET /v1/assets."""

    limit: int = Field(default=20, ge=1, le=100)
    cursor: Annotated[str, StringConstraints(pattern=r"^as_[0-9a-z]{26}$")] | None = None
    status: AssetStatus | None = None
    ref: ShortRef | None = None
    q: Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00]*$")] | None = Field(
        default=None, description="Part of the title"
    )


class Nothing(_Body):
    """No body, or an empty object."""

    @model_validator(mode="before")
    @classmethod
    def _empty(cls, value: object) -> object:
        return {} if value is None else value
