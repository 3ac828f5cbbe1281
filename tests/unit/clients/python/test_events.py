"""The feed: its order, its cursor, and what it does when the connection is lost."""

from typing import Any

import pytest

from kadr_client import ApiError, EventFeed, Kadr, NoAnswer
from tests.lone_origin import free_port
from tests.small_kadr import KEY, SmallKadr, problem

FEED = "GET /v1/events"


def page(cursor: str, *ids: str) -> dict[str, Any]:
    return {"data": [{"id": one, "type": "video.asset.ready"} for one in ids], "next_cursor": cursor, "has_more": False}


async def read(feed: EventFeed, count: int) -> list[str]:
    """The ids of the next so many events."""
    found: list[str] = []
    async for event in feed:
        found.append(event["id"])
        if len(found) == count:
            break
    return found


async def test_events_in_order_with_a_cursor_that_misses_none(server: SmallKadr, kadr: Kadr) -> None:
    """A program that stores the cursor after each event and starts again may see some twice, and all of them."""
    server.answers[FEED] = [page("c1", "ev_1", "ev_2"), page("c2"), page("c3", "ev_3"), page("c3")]
    feed = kadr.events(types=["video.asset.*", "video.track.ready"])
    cursors = [feed.cursor]
    async for event in feed:
        cursors.append(feed.cursor)
        if event["id"] == "ev_3":
            break
    assert cursors == [None, None, "c1", "c3"]
    asked = {"types": "video.asset.*,video.track.ready", "wait_s": "30", "limit": "100"}
    assert [seen.query for seen in server.seen] == [asked, {**asked, "after": "c1"}, {**asked, "after": "c2"}]


async def test_the_newest_first_of_all(server: SmallKadr, kadr: Kadr) -> None:
    server.answers[FEED] = [page("c1", "ev_1", "ev_2"), page("c2", "ev_3")]
    assert await read(kadr.events(last=2, wait_s=1), 3) == ["ev_1", "ev_2", "ev_3"]
    assert [seen.query for seen in server.seen] == [
        {"last": "2", "wait_s": "1"},
        {"after": "c1", "wait_s": "1", "limit": "100"},
    ]


async def test_from_a_cursor_on(server: SmallKadr, kadr: Kadr) -> None:
    server.answers[FEED] = [page("c1", "ev_1")]
    assert await read(kadr.events(after="now", limit=5), 1) == ["ev_1"]
    assert server.seen[0].query == {"after": "now", "wait_s": "30", "limit": "5"}


async def test_a_lost_connection_is_waited_out(server: SmallKadr, kadr: Kadr) -> None:
    server.answers[FEED] = [page("c1", "ev_1"), page("c2", "ev_2")]
    feed = kadr.events()
    assert await read(feed, 1) == ["ev_1"]
    server.faults[FEED] = [503] * 8 + ["lost before"] * 8
    lost: list[str] = []
    again = kadr.events(after=feed.cursor, on_lost=lambda error, _: lost.append(error.code))
    again_from_start = kadr.events(after=feed.cursor)
    with pytest.raises(ApiError, match="unavailable"):  # nobody has ever answered: it may be the wrong address
        await read(again_from_start, 1)
    server.faults[FEED] = [503] * 3
    assert await read(again, 1) == ["ev_2"]
    server.answers[FEED] = [page("c3", "ev_3")]
    server.faults[FEED] = [503] * 8 + ["lost before"] * 8
    assert await read(again, 1) == ["ev_3"]
    assert lost[:11] == ["unavailable"] * 11
    assert set(lost[11:]) == {"no_answer"}


async def test_events_that_are_gone(server: SmallKadr, kadr: Kadr) -> None:
    server.answers[FEED] = [problem(410, "cursor_expired")]
    with pytest.raises(ApiError, match="cursor_expired"):
        await read(kadr.events(after="c1"), 1)
    assert len(server.seen) == 1


async def test_nobody_there() -> None:
    async with Kadr(f"http://127.0.0.1:{free_port()}", KEY, tries=2) as kadr:
        with pytest.raises(NoAnswer):
            await read(kadr.events(), 1)
