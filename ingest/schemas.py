"""HTTP bodies in. Unknown fields are refused by name."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator

from core.model import Policy

Title = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _storable(cls, value: object) -> object:
        """PostgreSQL's text holds every character but NUL."""
        if isinstance(value, str) and "\0" in value:
            raise ValueError("a NUL character cannot be stored")
        return value


class Ref(_Body):
    """What the asset belongs to in the application, for example product 42."""

    type: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
    id: Annotated[str, StringConstraints(min_length=1, max_length=200)]


class NewUpload(_Body):
    """POST /v1/uploads."""

    filename: Annotated[str, StringConstraints(min_length=1, max_length=255)]
    size_bytes: int = Field(ge=0)
    content_type: Annotated[str, StringConstraints(max_length=100)] | None = None
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None
    title: Title | None = None
    ref: Ref | None = None
    policy: Policy = Policy.PUBLIC
    language: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$")] | None = None

    @field_validator("ref", mode="before")
    @classmethod
    def _short_form(cls, value: object) -> object:
        """`"product:42"` is `{"type": "product", "id": "42"}`."""
        if isinstance(value, str):
            kind, _, ident = value.partition(":")
            return {"type": kind, "id": ident}
        return value


class NewPlaybackId(_Body):
    """POST /v1/assets/{id}/playback_ids."""

    policy: Policy


class NewToken(_Body):
    """POST /v1/playback_ids/{id}/token."""

    ttl_s: int | None = Field(default=None, ge=1, le=7 * 86400)
