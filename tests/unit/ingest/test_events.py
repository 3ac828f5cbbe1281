"""ingest.events: however many streams there are, an asset is read so often and an owner's streams look so often."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.db import assets, outbox
from core.db.outbox import Event
from core.http.problems import Problem
from core.model import AssetId, AssetStatus, OwnerId
from ingest import events
from ingest.context import Context
from ingest.events import ASSETS_AT_THAT_RATE, LOOK_S, MOST_STREAMS, Followed

OWNER, OTHER = OwnerId("ow_1"), OwnerId("ow_2")


class Reads:
    """The asset as the database has it, and how often it was read."""

    def __init__(self) -> None:
        self.count = 0
        self.status = AssetStatus.PROCESSING
        self.events = [event(1)]
        self.asked_after: list[int] = []

    async def of_owner(self, _pool: object, _asset_id: str, _owner: str) -> Any:
        self.count += 1
        await asyncio.sleep(0)
        return SimpleNamespace(status=self.status)

    async def of_object(self, _pool: object, _asset_id: str, after: int) -> list[Event]:
        self.asked_after.append(after)
        return [one for one in self.events if one.position > after]


def event(position: int) -> Event:
    return cast("Event", SimpleNamespace(position=position, type="video.asset.created"))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Reads:
    reads = Reads()
    monkeypatch.setattr(assets, "of_owner", reads.of_owner)
    monkeypatch.setattr(outbox, "of_object", reads.of_object)
    shape = SimpleNamespace(status=AssetStatus.PROCESSING, progress=0.5, steps=[])
    monkeypatch.setattr(events, "shown", lambda *_: shape)
    return reads


@pytest.fixture
def followed() -> Followed:
    return Followed(cast("Context", SimpleNamespace(written=None, pool=None)))


async def test_six_hundred_streams_of_an_asset_read_it_once(reads: Reads, followed: Followed) -> None:
    states = await asyncio.gather(*(followed.state(OWNER, AssetId("as_1")) for _ in range(600)))
    assert reads.count == 1
    assert len({id(state) for state in states}) == 1
    assert states[0] is not None
    assert '"progress": 0.5' in states[0].progress


async def test_what_is_new_is_added_to_what_is_known(
    reads: Reads, followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await followed.state(OWNER, AssetId("as_1"))
    reads.events.append(event(7))
    reads.status = AssetStatus.READY
    async with asyncio.timeout(10):
        while (second := await followed.state(OWNER, AssetId("as_1"))) == first:
            await asyncio.sleep(0.05)
    assert second is not None
    assert ([one.position for one in second.events], second.final) == ([1, 7], True)
    assert reads.asked_after == [0, 1]


def test_who_follows_many_assets_looks_less_often_at_each(followed: Followed) -> None:
    streams = [followed.stream(OWNER, AssetId(f"as_{n}")) for n in range(4 * ASSETS_AT_THAT_RATE)]
    for one in streams:
        one.__enter__()
    assert followed.pause_s(OWNER) == 4 * LOOK_S
    assert followed.pause_s(OTHER) == LOOK_S
    for one in streams:
        one.__exit__(None, None, None)
    assert followed.pause_s(OWNER) == LOOK_S


def test_an_owner_has_so_many_streams(followed: Followed) -> None:
    streams = [followed.stream(OWNER, AssetId("as_1")) for _ in range(MOST_STREAMS)]
    for one in streams:
        one.__enter__()
    with pytest.raises(Problem, match="streams are open") as refused, followed.stream(OWNER, AssetId("as_2")):
        pytest.fail("one too many")
    assert refused.value.status == 429
    with followed.stream(OTHER, AssetId("as_1")):
        assert followed.pause_s(OTHER) == LOOK_S
    for one in streams:
        one.__exit__(None, None, None)
    with followed.stream(OWNER, AssetId("as_2")):
        assert followed.pause_s(OWNER) == LOOK_S
