"""Request bodies of tracks as Pydantic models: new tracks, edits and regeneration."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from core.db.tracks import TrackKind
from ingest.bodies import text
from ingest.bodies.fields import AnyAssetId, Body, InputUrl, Language, example
from ingest.bodies.text import Text
from presets.caption import CAPTION_NAMES
from presets.document import current_name

_ONE_LINE = r'^[^\x00-\x1f\x7f"]*$'


def _known_captions(value: str) -> str:
    name = current_name(value)
    if name not in CAPTION_NAMES:
        raise PydanticCustomError("captions", f"must be one of {', '.join(CAPTION_NAMES)}")
    return name


CaptionProfileName = Annotated[
    str,
    AfterValidator(_known_captions),
    WithJsonSchema({"type": "string", "enum": list(CAPTION_NAMES)}, mode="validation"),
]
_PROFILE = "Limits of length and timing of cues. Default: set by the asset's profile"
TrackName = Annotated[
    str,
    Text(
        pattern=_ONE_LINE,
        form='one line without "',
        example="English",
        min_length=1,
        max_length=100,
        strip=True,
    ),
    Field(description="Name that players show. Default: the name of the language"),
]
TrackContent = Annotated[str, StringConstraints(max_length=2_000_000), Field(description="WebVTT or SRT")]


class Generation(Body):
    """Subtitles generated from the speech in the video."""

    language: Language | None = Field(
        default=None, description="Spoken language. Default: the asset's, or else detected"
    )
    profile: CaptionProfileName | None = Field(default=None, description=_PROFILE)


class Translation(Body):
    """Subtitles translated from another track."""

    original: Annotated[str, text.ident("tr", "tr_01hv3k9x2m5q7r8t4w6y0z1abc")] = Field(
        alias="from", description="Id of a track of the asset that has text"
    )
    language: Annotated[Language, Field(description="Target language, BCP 47")]
    profile: CaptionProfileName | None = Field(default=None, description=_PROFILE)


# Source of a new track -> the kinds of track it can make.
_TEXTS = frozenset((TrackKind.SUBTITLES, TrackKind.CAPTIONS))
_CONTENTS = {
    "text": _TEXTS,
    "generate": frozenset((TrackKind.SUBTITLES,)),
    "translate": _TEXTS,
    "input_url": frozenset((TrackKind.AUDIO,)),
    "asset_id": frozenset((TrackKind.AUDIO,)),
}


class NewTrack(Body):
    """POST /v1/assets/{asset_id}/tracks. Subtitles from text, speech or a translation; audio from a URL or an asset.

    `language` is required with text and audio; `generate` and `translate` have a language of their own.
    """

    model_config = example(
        {"language": "en", "text": "WEBVTT\n\n00:01.000 --> 00:03.000\nHello\n"},
        {"generate": {"language": "en"}},
        {"kind": "audio", "language": "de", "input_url": "https://example.org/dub.m4a"},
    )

    kind: TrackKind = Field(default=TrackKind.SUBTITLES, description="What the track is")
    language: Language | None = None
    name: TrackName | None = None
    text: TrackContent | None = None
    forced: bool = Field(
        default=False, description="The text is only what everybody has to read: another language, signs in the picture"
    )
    generate: Generation | None = Field(default=None, description="Generate subtitles from the speech")
    translate: Translation | None = Field(default=None, description="Translate another track")
    input_url: InputUrl | None = None
    asset_id: AnyAssetId | None = Field(default=None, description="Another of your assets, whose audio is used")

    @model_validator(mode="after")
    def _check_content(self) -> Self:
        contents = [name for name in _CONTENTS if getattr(self, name) is not None]
        fitting = sorted(name for name, kinds in _CONTENTS.items() if self.kind in kinds)
        if len(contents) != 1 or contents[0] not in fitting:
            raise PydanticCustomError("content", "give exactly one of {fitting}", {"fitting": ", ".join(fitting)})
        if self.forced and self.text is None:
            raise PydanticCustomError("forced", "forced requires text")
        within = contents[0] in ("generate", "translate")
        if within is (self.language is not None):
            message = "give the language inside {content}" if within else "language is required with {content}"
            raise PydanticCustomError("language", message, {"content": contents[0]})
        return self

    @property
    def spoken(self) -> str | None:
        """The track's language (BCP 47); None where it has to be detected."""
        inner = self.generate or self.translate
        return inner.language if inner else self.language

    def to_make(self, spoken: str | None) -> dict[str, Any] | None:
        """What a worker has to make, as core.db.tracks stores it; None for uploaded text. `spoken`: its language."""
        if self.generate is not None:
            return {"generate": {"language": spoken, "profile": self.generate.profile}}
        if self.translate is not None:
            return {"translate": self.translate.model_dump(mode="json", by_alias=True)}
        if self.asset_id is not None:
            return {"clip_of": self.asset_id}
        return {"url": self.input_url} if self.input_url is not None else None


class TrackText(Body):
    """PUT /v1/assets/{asset_id}/tracks/{track_id}; omitted fields stay unchanged."""

    text: TrackContent | None = None
    name: TrackName | None = None
    language: Language | None = None
    reviewed: bool | None = Field(default=None, description="A person has reviewed the text")


class TrackAgain(Body):
    """POST /v1/assets/{asset_id}/tracks/{track_id}/regenerate: whether and how to replace the text."""

    replace: bool = Field(
        default=False, description="Replace the track even if a person has edited or reviewed it; requires If-Match"
    )
    profile: CaptionProfileName | None = Field(
        default=None, description="Caption profile. Default: the one used last time"
    )


class TrackQuery(Body):
    """GET /v1/assets/{id}/tracks/{id}: in which format the text is shown."""

    text_format: Literal["vtt", "srt"] = Field(
        default="vtt", description="Format of `text`: WebVTT, or SubRip, which keeps neither positions nor voices"
    )
