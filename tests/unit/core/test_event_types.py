"""core.event_types: the catalogue is complete, takes nothing else, and patterns name its types."""

from collections.abc import Iterator

import pytest
from pydantic import ValidationError

from core.event_types import (
    EVENT_TYPES,
    AssetReady,
    EventData,
    PosterChanged,
    TrackReady,
    matches,
    require_known,
    stored,
)
from tests.checks import ROOT


def subclasses(of: type[EventData]) -> Iterator[type[EventData]]:
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def test_every_type_is_in_the_catalogue_once() -> None:
    written = [one for one in subclasses(EventData) if "type" in vars(one) and one.__module__ == EventData.__module__]
    assert sorted(one.type for one in written) == sorted(EVENT_TYPES)
    for name, one in EVENT_TYPES.items():
        assert name == one.type
        assert one.object_type in ("asset", "upload", "track", "webhook_endpoint"), name
        assert (one.__doc__ or "").strip(), name


def test_what_the_catalogue_does_not_have_is_not_written() -> None:
    class Unknown(EventData):
        type = "video.asset.unknown"
        object_type = "asset"

    class Twin(TrackReady):
        """The same name with other data."""

        more: int

    for data in (Unknown(), Twin(asset_id="as_1", more=1)):
        with pytest.raises(ValueError, match=data.type):
            stored(data)
    for values in ({}, {"asset_id": "as_1", "more": 1}, {"asset_id": 1}):
        with pytest.raises(ValidationError):
            TrackReady.model_validate(values)
    with pytest.raises(ValidationError):
        AssetReady(revision="rv_1", duration_s=float("nan"))


def test_all_fields_are_written() -> None:
    assert stored(PosterChanged(poster=None)) == {"poster": None, "experiment": None, "winner": None}


@pytest.mark.parametrize(
    ("pattern", "named", "not_named"),
    [
        ("*", ["video.asset.ready", "webhook_endpoint.test"], []),
        ("video.*", ["video.asset.ready", "video.track.ready"], ["webhook_endpoint.test"]),
        ("video.asset.*", ["video.asset.ready"], ["video.track.ready", "video.asset"]),
        ("video.asset.ready", ["video.asset.ready"], ["video.asset.created"]),
        ("webhook_endpoint.*", ["webhook_endpoint.test"], ["video.asset.ready"]),
    ],
)
def test_patterns(pattern: str, named: list[str], not_named: list[str]) -> None:
    require_known(pattern)
    assert [one for one in named + not_named if matches(pattern, one)] == named


@pytest.mark.parametrize(
    "pattern", ["", "**", ".*", "video", "video.", "video*", "video.asset.read*", "video.asset.ready.*", "VIDEO.*", "?"]
)
def test_a_pattern_that_names_nothing_is_refused_with_the_types(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"video\.asset\.ready"):
        require_known(pattern)


def test_the_table_of_the_documentation_is_the_catalogue() -> None:
    text = (ROOT / "docs" / "events.md").read_text()
    table = text.partition("## Types\n\n")[2].partition("\n\n")[0].splitlines()[2:]
    assert table == [
        f"| `{name}` | {one.object_type.replace('_', ' ')} | {' '.join((one.__doc__ or '').split())} |"
        f" {', '.join(f'`{field}`' for field in one.model_fields)} |"
        for name, one in EVENT_TYPES.items()
    ]
