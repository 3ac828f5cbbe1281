"""The studio's form of what pages say of a title, in the words of the API."""

from datetime import UTC, datetime

import pytest

from ingest.bodies.requests import AssetChanges
from ingest.studio.listing_form import fields, last_day


def test_what_is_written_is_what_the_api_takes() -> None:
    form = {
        "description": "From clay to glaze.",
        "tags": "pottery, clay\n\n kiln ",
        "listed": "true",
        "page_url": "",
        "author_name": "Ann",
        "author_url": "",
        "last_day": "2026-12-31",
    }
    made = fields(form)
    assert made["tags"] == ["pottery", "clay", "kiln"]
    assert made["expires_at"] == "2027-01-01T00:00:00+00:00"
    assert (made["listed"], made["family_friendly"], made["page_url"]) == (True, True, None)
    assert made["author"] == {"name": "Ann", "url": None}
    assert AssetChanges.model_validate(made).about()["author"] == {"name": "Ann", "url": None}


def test_an_empty_form_clears() -> None:
    assert AssetChanges.model_validate(fields({})).about() == {
        "description": "",
        "tags": [],
        "expires_at": None,
        "listed": False,
        "page_url": None,
        "family_friendly": True,
        "author": None,
    }


@pytest.mark.parametrize(
    ("expires_at", "day"),
    [
        (None, ""),
        (datetime(2027, 1, 1, tzinfo=UTC), "2026-12-31"),
        (datetime(2026, 12, 31, 12, tzinfo=UTC), "2026-12-31"),
    ],
)
def test_the_last_day_is_the_one_before_its_end(expires_at: datetime | None, day: str) -> None:
    assert last_day(expires_at) == day
