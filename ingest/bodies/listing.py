"""Fields of a title's pages for the public: what they say, and whether they may be found."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from core.db.assets import ABOUT
from ingest.bodies import text
from ingest.bodies.fields import Body, Moment, example
from ingest.bodies.text import Text

MOST_TAGS = 32  # as many as a video sitemap takes
Description = Annotated[
    str,
    text.line("How to throw a mug on the wheel, from clay to glaze.", max_length=5000, strip=True),
    Field(description="What happens in the video, as plain text"),
]
WebUrl = Annotated[
    str,
    Text(
        pattern=r"^https?://[^\x00-\x20\"<>]+$",
        form="an http or https URL",
        example="https://shop.example.org/mugs/42",
        max_length=2000,
    ),
]


def _unique(tags: list[str]) -> list[str]:
    if len({tag.casefold() for tag in tags}) < len(tags):
        raise PydanticCustomError("tags", "must name each tag once")
    return tags


Tags = Annotated[
    list[Annotated[str, text.line("pottery", min_length=1, max_length=50, strip=True)]],
    AfterValidator(_unique),
    Field(max_length=MOST_TAGS, description=f"Subjects: at most {MOST_TAGS}, each of up to 50 characters"),
]


class Author(Body):
    """Who made a video, as its pages name them: a person or a business, and their page."""

    name: Annotated[str, text.line("Anna's Pottery", min_length=1, max_length=200, strip=True)] = Field(
        description="Name of a person or a business"
    )
    url: WebUrl | None = Field(default=None, description="Their page")


class Listing(Body):
    """What pages for the public say of a title. What is left out stays, and so does a null yes or no."""

    description: Description | None = None
    tags: Tags | None = None
    published_at: Moment | None = Field(
        default=None,
        description="When it was published. Default: when all its renditions were published for the first time",
    )
    expires_at: Moment | None = Field(
        default=None, description="From then on it is neither listed nor played; null: never"
    )
    listed: bool | None = Field(
        default=None,
        description="Whether search engines may find it, once it is ready, for as long as it is public. Default for a "
        "new asset: list_by_default of your account",
    )
    page_url: WebUrl | None = Field(
        default=None,
        description="Your own page that shows it, to which search engines are sent instead of its watch page",
    )
    family_friendly: bool | None = Field(default=None, description="false: for adults only")
    author: Author | None = Field(default=None, description="Who made it")

    def about(self) -> dict[str, Any]:
        """The given fields as JSON values by the names of their columns; null clears them, but yes and no."""
        given = self.model_dump(mode="json", include=set(ABOUT) & self.model_fields_set)
        empty: dict[str, Any] = {"description": "", "tags": []}
        return {
            name: empty.get(name) if value is None else value
            for name, value in given.items()
            if value is not None or name not in ("listed", "family_friendly")
        }


class AccountChanges(Body):
    """PATCH /v1/account: omitted fields stay unchanged."""

    model_config = example({"list_by_default": False})

    list_by_default: bool | None = Field(
        default=None, description="Whether search engines may find new assets, unless an asset says otherwise"
    )
