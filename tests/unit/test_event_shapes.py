"""tests.event_shapes, which looks at all events of a run, finds what is wrong with one."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from core.db.outbox import Event
from core.model import AssetId, OwnerId
from ingest.asyncapi import document
from tests.event_shapes import faults

GOOD = Event(
    position=7,
    id="ev_1",
    owner_id=OwnerId("ow_1"),
    asset_id=AssetId("as_1"),
    type="video.asset.ready",
    object_type="asset",
    object_id="as_1",
    payload={"revision": "rv_1", "duration_s": 1.5},
    created_at=datetime(2026, 1, 1, tzinfo=UTC),
)


def test_a_good_event_passes() -> None:
    assert faults([GOOD, GOOD], document("1", "kadr")) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"type": "video.asset.unknown"}, "video.asset.unknown is not in /asyncapi.json"),
        ({"payload": {"revision": "rv_1"}}, "$.data: 'duration_s' is a required property"),
        ({"payload": {"revision": "rv_1", "duration_s": 1, "more": 1}}, "'more' was unexpected"),
        ({"payload": {"revision": None, "duration_s": 1}}, "$.data.revision"),
        ({"object_type": "track"}, "$.object.type"),
        ({"id": "1"}, "$.id"),
        ({"asset_id": None}, "does not name its asset"),
    ],
)
def test_another_one_is_told_with_its_type(changes: dict[str, Any], told: str) -> None:
    bad = replace(GOOD, **changes)
    found = faults([GOOD, bad, bad], document("1", "kadr"))
    assert len(found) == 1
    assert found[0].startswith(bad.type)
    assert told in found[0]
    assert found[0].endswith("(2 events)")
