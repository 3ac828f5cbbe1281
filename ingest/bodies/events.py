"""Query and answer of the account's feed of events. Pure."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from core.db.event_feed import Place
from core.event_types import require_known
from core.http.problems import invalid
from ingest.bodies.fields import Body
from ingest.bodies.text import Text

NOW = "now"
LONGEST_WAIT_S = 60
AN_EVENT = "ev_01hv3k9x2m5q7r8t4w6y0z1abc"


def _check_text(text: str) -> str:
    check_types(_names(text))
    return text


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",")]


def check_types(names: list[str]) -> list[str]:
    """The same patterns of types. Raises PydanticCustomError for one that names no event."""
    try:
        for name in names:
            require_known(name)
    except ValueError as exc:
        raise PydanticCustomError("types", "{message}", {"message": str(exc)}) from exc
    return names


TYPES_TEXT = "types of events: exact, or with .* at the end for all that begin so, or * for all"
TypesText = Annotated[str, AfterValidator(_check_text), Field(examples=["video.asset.*,video.track.ready"])]


class FeedQuery(Body):
    """GET /v1/events: where to begin, which events, and how long to wait for one."""

    after: (
        Annotated[
            str,
            Text(
                pattern=r"^[A-Za-z0-9_-]+$",
                form="`next_cursor` of a page of events, or now",
                example=NOW,
                max_length=200,
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="`next_cursor` of the page before; now: what happens from now on. Default: the oldest there is",
    )
    last: int | None = Field(default=None, ge=1, le=500, description="Only the N newest events, instead of `after`")
    types: TypesText = Field(default="*", max_length=2000, description=f"Comma-separated {TYPES_TEXT}")
    wait_s: float = Field(
        default=0, ge=0, le=LONGEST_WAIT_S, description="How long to wait for an event where there is none yet"
    )
    limit: int = Field(default=100, ge=1, le=500, description="Events per page")

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.after is not None and self.last is not None:
            raise invalid("last does not go with after", "/last")
        _ = self.place
        return self

    @property
    def patterns(self) -> list[str]:
        """The patterns of types, one by one."""
        return _names(self.types)

    @property
    def place(self) -> Place | None:
        """Behind which event to begin; None: at the oldest, or now."""
        if self.after in (None, NOW):
            return None
        try:
            return Place.parse(self.after or "")
        except ValueError as exc:
            raise invalid("This is not the next_cursor of a page of events", "/after") from exc


class EventObject(BaseModel):
    """What an event is about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["asset", "upload", "track", "webhook_endpoint"] = Field(description="Kind of object")
    id: str = Field(description="Its id")


class EventShape(BaseModel):
    """An event. /asyncapi.json has the data of each type."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(description="Id of the event, ev_..., the same however often it comes")
    type: str = Field(description="What happened", examples=["video.asset.ready"])
    created_at: datetime = Field(description="When it happened")
    timestamp: datetime = Field(description="The same instant, under the name that Standard Webhooks asks for")
    object: EventObject = Field(description="What the event is about")
    data: dict[str, Any] = Field(description="What the type says; `sequence` grows within an asset")


FEED_PROPERTIES: dict[str, Any] = {
    "next_cursor": {"type": "string", "description": "Pass it as `after` to get what comes next; always there"},
    "has_more": {"type": "boolean", "description": "Whether the next page need not be waited for"},
}
