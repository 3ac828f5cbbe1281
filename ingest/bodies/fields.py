"""Fields of request bodies: what titles, references, languages and the like must look like; the base of all bodies.

What a field refuses is said in words and with an example.
"""

from datetime import datetime
from ipaddress import ip_network
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from ingest.bodies import text
from ingest.bodies.text import Text
from presets.document import current_name
from presets.poster import NAMES as POSTERS
from presets.profile import NAMES as PROFILES
from subtitles.cues.own_chapters import LONGEST_TITLE

AN_ASSET = "as_01hv3k9x2m5q7r8t4w6y0z1abc"

Title = Annotated[
    str, text.line("Lesson 1", max_length=500, strip=True), Field(description="Title. Default: the name of the file")
]
ChangedTitle = Annotated[
    str, text.line("Lesson 1", min_length=1, max_length=500, strip=True), Field(description="Title")
]
Language = Annotated[
    str,
    Text(
        pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$", form="a language tag of BCP 47", example="en-GB", max_length=35
    ),
    Field(description="Spoken language, BCP 47"),
]
Sha256 = Annotated[
    str,
    Text(pattern=r"^[0-9a-f]{64}$", form="64 lower-case hexadecimal digits", example="9f86d081" * 8),
    Field(description="SHA-256 of the whole file, in hex; the upload is refused where it has another"),
]
InputUrl = Annotated[
    str,
    Text(
        pattern=r"^https?://[^\x00-\x20]+$",
        form="an http or https URL",
        example="https://example.org/clip.mp4",
        min_length=8,
        max_length=2000,
    ),
    Field(description="Public URL of a media file, which the server downloads"),
]
AnyAssetId = Annotated[str, text.ident("as", AN_ASSET)]
RefType = Annotated[
    str,
    Text(
        pattern=r"^[a-z][a-z0-9_-]{0,31}$",
        form="up to 32 of a-z, 0-9, _ and -, a letter first",
        example="product",
    ),
    Field(description="Kind of object in your application"),
]
RefId = Annotated[
    str, text.line("42", min_length=1, max_length=200), Field(description="Id of the object in your application")
]
_SHORT_REF = Text(
    pattern=r"^[a-z][a-z0-9_-]{0,31}:[^\x00]{1,200}$",
    form="type:id, the type of up to 32 of a-z, 0-9, _ and -, a letter first, the id of up to 200 characters",
    example="product:42",
    max_length=233,
)


Viewer = Annotated[
    str,
    Text(pattern=r"^[^\x00-\x20\x7f]+$", form="text without spaces", example="user-17", min_length=1, max_length=200),
    Field(description="Your own identifier of a person"),
]
Country = Annotated[
    str,
    Text(pattern=r"^[A-Z]{2}$", form="two capital letters", example="DE"),
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
]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


def example(*bodies: dict[str, Any]) -> ConfigDict:
    """The configuration of a body with examples of it for /openapi.json."""
    return ConfigDict(json_schema_extra={"examples": list(bodies)})


class Ref(Body):
    """What the asset belongs to in the application, for example product 42."""

    type: RefType
    id: RefId


_check_short_ref = TypeAdapter(Annotated[str, _SHORT_REF]).validate_python


def _long_form(value: object) -> object:
    """`"product:42"` is `{"type": "product", "id": "42"}`."""
    if not isinstance(value, str):
        return value
    try:
        kind, _, ident = _check_short_ref(value).partition(":")
    except ValidationError as exc:
        first = exc.errors(include_url=False)[0]
        raise PydanticCustomError("form", "{message}", {"message": first["msg"]}) from exc
    return {"type": kind, "id": ident}


def _ref_schema(description: str) -> WithJsonSchema:
    """A string only: clients generated from a choice of string and object take neither as people write it."""
    schema = {"type": "string", "pattern": _SHORT_REF.pattern, "maxLength": _SHORT_REF.max_length}
    return WithJsonSchema({**schema, "examples": [_SHORT_REF.example], "description": description})


_REF = (
    "What the asset belongs to in your application, as type:id; "
    'an object {"type": "product", "id": "42"} is accepted, too'
)
AnyRef = Annotated[Ref, BeforeValidator(_long_form), _ref_schema(_REF)]
ShortRef = Annotated[Ref, BeforeValidator(_long_form), _ref_schema("Only assets with this reference, type:id")]


MOST_METADATA = 50
Metadata = Annotated[
    dict[
        Annotated[
            str, Text(pattern=r"^[A-Za-z0-9_.-]{1,40}$", form="up to 40 of A-Z, a-z, 0-9, _, . and -", example="course")
        ],
        Annotated[str, text.line("Algebra", max_length=500)],
    ],
    Field(max_length=MOST_METADATA, examples=[{"course": "Algebra"}]),
]
METADATA_TEXT = (
    f"Your own data: an object of at most {MOST_METADATA} names (A-Z, a-z, 0-9, _, . and -, up to 40 characters) "
    "and strings of up to 500 characters. Kadr keeps it and shows it to you only"
)


def ref_pair(value: Ref | None) -> tuple[str, str] | None:
    """(type, id) of a reference; None without one."""
    return (value.type, value.id) if value else None


def _known_profile(value: str) -> str:
    if value not in PROFILES:
        raise PydanticCustomError("profile", f"must be one of {', '.join(PROFILES)}")
    return value


def _known_posters(value: str) -> str:
    name = current_name(value)
    if name not in POSTERS:
        raise PydanticCustomError("posters", f"must be one of {', '.join(POSTERS)}")
    return name


ChapterTitle = Annotated[
    str,
    Text(
        pattern=r"^[^\x00-\x1f\x7f\u2028\u2029]*$",
        form="one line of text",
        example="Glazing",
        min_length=1,
        max_length=LONGEST_TITLE,
        strip=True,
    ),
]
Profile = Annotated[
    str, AfterValidator(_known_profile), WithJsonSchema({"type": "string", "enum": list(PROFILES)}, mode="validation")
]
Ladder = Literal["smart", "apple"]
PosterProfile = Annotated[
    str, AfterValidator(_known_posters), WithJsonSchema({"type": "string", "enum": list(POSTERS)}, mode="validation")
]


def _can_be_stored(at: datetime) -> datetime:
    """PostgreSQL takes more years than Python reads back, and an offset leads over the edge."""
    if not 1900 <= at.year <= 9000:
        raise PydanticCustomError("moment", "must be a time between the years 1900 and 9000")
    return at


Moment = Annotated[AwareDatetime, AfterValidator(_can_be_stored)]
Seconds = Annotated[float, Field(ge=0, le=1_000_000, examples=[12.5])]
