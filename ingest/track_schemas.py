"""HTTP bodies of tracks: what a new one is made of, and what a person changes. As ingest.schemas, for tracks alone."""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from core.tracks import TrackKind
from ingest.schemas import AnyAssetId, Body, InputUrl, Language
from presets.caption import CAPTION_NAMES

_ONE_LINE = r'^[^\x00-\x1f\x7f"]*$'


def _known_captions(value: str) -> str:
    if value not in CAPTION_NAMES:
        raise PydanticCustomError("captions", f"Take one of {', '.join(CAPTION_NAMES)}")
    return value


CaptionProfileName = Annotated[
    str,
    AfterValidator(_known_captions),
    WithJsonSchema({"type": "string", "enum": list(CAPTION_NAMES)}, mode="validation"),
    Field(description="How cues look; by default as the asset's profile has it"),
]
TrackName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=_ONE_LINE)]
TrackContent = Annotated[str, StringConstraints(max_length=2_000_000), Field(description="WebVTT or SRT")]


class Generation(Body):
    """Subtitles of what is said in the video."""

    language: Language | None = Field(
        default=None, description="That is spoken; default: the asset's, else it is found out"
    )
    profile: CaptionProfileName | None = None


class Translation(Body):
    """Subtitles out of those in another language."""

    original: Annotated[str, StringConstraints(pattern=r"^tr_[0-9a-z]{26}$")] = Field(
        alias="from", description="A track of the asset, with a text"
    )
    language: Annotated[Language, Field(description="To translate into, BCP 47")]
    profile: CaptionProfileName | None = None


# What a new track can be made of -> the kinds of which it can be.
_TEXTS = frozenset((TrackKind.SUBTITLES, TrackKind.CAPTIONS))
_CONTENTS = {
    "text": _TEXTS,
    "generate": frozenset((TrackKind.SUBTITLES,)),
    "translate": _TEXTS,
    "input_url": frozenset((TrackKind.AUDIO,)),
    "asset_id": frozenset((TrackKind.AUDIO,)),
}


class NewTrack(Body):
    """POST /v1/assets/{asset_id}/tracks. Subtitles are a text, generated or translated; sound is a URL's or an asset's.

    `language` is needed with a text and with a sound; the others carry their own.
    """

    kind: TrackKind = TrackKind.SUBTITLES
    language: Language | None = None
    name: TrackName | None = None
    text: TrackContent | None = None
    generate: Generation | None = None
    translate: Translation | None = None
    input_url: InputUrl | None = None
    asset_id: AnyAssetId | None = Field(default=None, description="Another asset of yours, whose sound it is")

    @model_validator(mode="after")
    def _one_content(self) -> Self:
        given = [name for name in _CONTENTS if getattr(self, name) is not None]
        fitting = sorted(name for name, kinds in _CONTENTS.items() if self.kind in kinds)
        if len(given) != 1 or given[0] not in fitting:
            raise PydanticCustomError("content", "give one of {fitting}", {"fitting": ", ".join(fitting)})
        within = given[0] in ("generate", "translate")
        if within is (self.language is not None):
            told = "the language stands in {content}" if within else "give the language of {content}"
            raise PydanticCustomError("language", told, {"content": given[0]})
        return self

    @property
    def spoken(self) -> str | None:
        """The track's language; None is to be found out."""
        inner = self.generate or self.translate
        return inner.language if inner else self.language

    def to_make(self, spoken: str | None) -> dict[str, Any] | None:
        """As core.tracks keeps what a worker is to make. `spoken`: the track's language, as far as it is told."""
        if self.generate is not None:
            return {"generate": {"language": spoken, "profile": self.generate.profile}}
        if self.translate is not None:
            return {"translate": self.translate.model_dump(mode="json", by_alias=True)}
        if self.asset_id is not None:
            return {"clip_of": self.asset_id}
        return {"url": self.input_url} if self.input_url is not None else None


class TrackText(Body):
    """PUT /v1/assets/{asset_id}/tracks/{track_id}; what is not given stays."""

    text: TrackContent | None = None
    name: TrackName | None = None
    language: Language | None = None
    reviewed: bool | None = Field(default=None, description="A person has read it and vouches for it")


class TrackAgain(Body):
    """POST /v1/assets/{asset_id}/tracks/{track_id}/regenerate."""

    replace: bool = Field(default=False, description="Also where a person has changed or reviewed it: send If-Match")
    profile: CaptionProfileName | None = Field(default=None, description="Instead of the one it was made with")
