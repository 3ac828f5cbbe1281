"""The account's feed of events: every one of them once, in one order, for whoever reads it however."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from benchmarks.harness.stack import two_free_ports
from core.db import event_feed, outbox, owners
from core.db.event_feed import CursorExpired, Place
from core.db.postgres import Pool
from core.event_types import AssetPlayable, TrackReady, like_patterns
from core.model import OwnerId, new_id
from core.tether import tethered
from tests import lone, runs
from tests.database import OWNER, new_owner, until_readable
from tests.stack import Stack, as_owner
from tests.waiting import until
from tests.webhooks import happen

WRITERS = 4
EACH = 1250
KEY = f"kadr_reader.{'0123456789' * 4}012"
# One of several processes that write at once, each event in a transaction that takes a moment.
WRITE = """
import asyncio, random, sys
from core.db import outbox, postgres
from core.event_types import AssetPlayable, TrackReady, like_patterns
from core.model import OwnerId, new_id
from core.settings import Settings

async def main(owner, count):
    pool = await postgres.connect(Settings())
    async def some(number):
        for at in range(number):
            async with pool.acquire() as connection, connection.transaction():
                data = AssetPlayable(revision=str(at)) if at % 2 else TrackReady(asset_id="as_1")
                await outbox.add(connection, OwnerId(owner), new_id("as"), data)
                await asyncio.sleep(random.random() / 100)
    await asyncio.gather(*(some(count // 5) for _ in range(5)))
    await pool.close()

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


async def ids(pool: Pool) -> list[str]:
    rows = await pool.fetch("SELECT id FROM events ORDER BY events.transaction, position")
    return [row["id"] for row in rows]


@asynccontextmanager
async def api(stack: Stack, url: str) -> AsyncIterator[str]:
    """The URL of a `kadr api` of its own on this database."""
    port = two_free_ports()
    env = {**lone.servers_env(stack), "KADR_DATABASE_URL": url, "KADR_API_PORT": str(port)}
    running = await lone.start("api", env=env)

    base = f"http://127.0.0.1:{port}"

    async def is_up() -> bool:
        try:
            async with aiohttp.ClientSession() as session, session.get(f"{base}/health/live") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    try:
        await until(is_up)
        yield base
    finally:
        running.terminate()
        await running.wait()


class Reader:
    """Reads a feed by HTTP, from page to page, across APIs that come and go."""

    def __init__(self, types: str) -> None:
        self.types = types
        self.cursor: str | None = None
        self.events: list[dict[str, Any]] = []

    async def read(self, base: str, until_count: int) -> None:
        headers = {"Authorization": f"Bearer {KEY}"}
        async with aiohttp.ClientSession(base, headers=headers) as session, asyncio.timeout(120 * runs.patience()):
            while len(self.events) < until_count:
                query = {
                    "types": self.types,
                    "wait_s": "5",
                    "limit": "200",
                    **({"after": self.cursor} if self.cursor else {}),
                }
                async with session.get("/v1/events", params=query) as answer:
                    page = await answer.json()
                    assert answer.status == 200, page
                self.events += page["data"]
                self.cursor = page["next_cursor"]


async def test_two_readers_see_each_event_once_in_one_order_across_a_restart(stack: Stack, pool: Pool) -> None:
    name = await pool.fetchval("SELECT current_database()")
    url = stack.endpoints["database_url"].rpartition("/")[0] + f"/{name}"
    owner = OwnerId("ow_reader")
    await owners.ensure(pool, owner, "reader", KEY)
    writers = [
        await asyncio.create_subprocess_exec(
            *tethered((sys.executable, "-c", WRITE, owner, str(EACH)), 15),
            env={**lone.servers_env(stack), "KADR_DATABASE_URL": url, "PATH": "", "KADR_DATABASE_POOL": "5"},
            cwd=Path(__file__).parents[2],
        )
        for _ in range(WRITERS)
    ]
    everything, tracks = Reader("*"), Reader("video.track.*")
    async with api(stack, url) as base:
        await asyncio.gather(everything.read(base, 1500), tracks.read(base, 700))
    async with api(stack, url) as base:
        await asyncio.gather(everything.read(base, WRITERS * EACH), tracks.read(base, WRITERS * EACH // 2))
    assert [await writer.wait() for writer in writers] == [0] * WRITERS
    seen = [event["id"] for event in everything.events]
    assert seen == await ids(pool)
    assert len(seen) == WRITERS * EACH
    assert [event["id"] for event in tracks.events] == [
        event["id"] for event in everything.events if event["type"] == "video.track.ready"
    ]


async def test_a_reader_who_waits_is_told_at_once(stack: Stack) -> None:
    owner = await as_owner(stack, "waiting")
    _, empty = await owner.api("GET", "/v1/events?after=now")
    assert empty["data"] == []

    async def wait(types: str, wait_s: int) -> Any:
        return (await owner.api("GET", f"/v1/events?after={empty['next_cursor']}&types={types}&wait_s={wait_s}"))[1]

    waiting = asyncio.create_task(wait("video.upload.*", 60))
    none = await wait("video.track.*", 1)
    assert (none["data"], none["has_more"]) == ([], False)
    assert not waiting.done()
    await owner.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 10})
    page = await asyncio.wait_for(waiting, 30 * runs.patience())
    assert [event["type"] for event in page["data"]] == ["video.upload.created"]
    _, last = await owner.api("GET", "/v1/events?last=1")
    assert last["data"] == page["data"]
    _, first = await owner.api("GET", "/v1/events?limit=1")
    assert first["has_more"] is True
    _, second = await owner.api("GET", f"/v1/events?limit=1&after={first['next_cursor']}")
    assert second["data"] == page["data"]


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("after=nonsense", "/after"),
        ("after=as_1.x", "/after"),
        ("types=video.nothing", "/types"),
        ("wait_s=3600", "/wait_s"),
        ("last=5&after=now", "/last"),
        ("limit=0", "/limit"),
    ],
)
async def test_questions_that_make_no_sense(stack: Stack, query: str, pointer: str) -> None:
    status, problem = await stack.api("GET", f"/v1/events?{query}")
    assert (status, problem["pointer"]) == (422, pointer)


async def test_the_feed_of_one_owner_is_nobody_elses(pool: Pool) -> None:
    other = await new_owner(pool, "other")
    await happen(pool, [new_id("as")], 3)
    await until_readable(pool)
    page = await event_feed.read(pool, other, None, None, 10)
    assert page.events == []
    assert len((await event_feed.read(pool, OWNER, None, None, 10)).events) == 3


async def test_an_event_that_commits_late_is_not_skipped(pool: Pool) -> None:
    async with pool.acquire() as slow, slow.transaction():
        late = await outbox.add(slow, OWNER, new_id("as"), AssetPlayable(revision="late"))
        await happen(pool, [new_id("as")], 1)
        page = await event_feed.read(pool, OWNER, None, None, 10)
        assert page.events == []  # the quick one waits for the slow one
    await until_readable(pool)
    page = await event_feed.read(pool, OWNER, page.next, None, 10)
    assert next(event.id for event in page.events) == late
    assert len(page.events) == 2


async def test_what_is_older_than_30_days_is_deleted_and_cursors_of_before_say_so(pool: Pool) -> None:
    await happen(pool, [new_id("as")], 4)
    await until_readable(pool)
    begin = await event_feed.read(pool, OWNER, None, None, 1)
    await pool.execute("UPDATE events SET created_at = created_at - interval '31 days' WHERE position <= 3")
    async with pool.acquire() as connection, connection.transaction():
        assert await event_feed.forget_old(connection) == 3
        assert await event_feed.forget_old(connection) == 0
    with pytest.raises(CursorExpired):
        await event_feed.read(pool, OWNER, begin.next, None, 10)
    page = await event_feed.read(pool, OWNER, None, None, 10)
    assert len(page.events) == 1
    assert (await event_feed.read(pool, OWNER, page.next, None, 10)).events == []


@pytest.mark.parametrize("moved", ["cluster", "back in time"])
async def test_a_cursor_of_before_a_restore_goes_back_a_little(pool: Pool, moved: str) -> None:
    """Its transaction ids mean nothing here: what happened shortly before comes once more, and nothing is left out."""
    await happen(pool, [new_id("as")], 3)
    await until_readable(pool)
    place = (await event_feed.read(pool, OWNER, None, None, 10)).next
    if moved == "cluster":
        before = Place(epoch="1-1", transaction=7, position=1, time=place.time)
    else:
        before = Place(epoch=place.epoch, transaction=place.transaction + 10**9, position=0, time=place.time)
    page = await event_feed.read(pool, OWNER, Place.parse(str(before)), None, 10)
    assert len(page.events) == 3
    assert page.next.epoch == place.epoch
    nothing = await event_feed.read(pool, OWNER, Place(**{**_fields(before), "time": place.time + 3600}), None, 10)
    assert nothing.events == []


def _fields(place: Place) -> dict[str, Any]:
    return {name: getattr(place, name) for name in ("epoch", "transaction", "position", "time")}


async def test_types_are_taken_literally(pool: Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await outbox.add(connection, OWNER, new_id("tr"), TrackReady(asset_id="as_1"))
    await until_readable(pool)
    for types, count in ((["video.track.ready"], 1), (["video.track.*"], 1), (["video.track_ready"], 0), (["*"], 1)):
        assert len((await event_feed.read(pool, OWNER, None, like_patterns(types), 10)).events) == count


async def test_events_of_a_rare_type_are_found_page_by_page(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """No page looks through more than so many events; an empty one may have more behind it."""
    monkeypatch.setattr(event_feed, "SCANNED", 3)
    async with pool.acquire() as connection, connection.transaction():
        await outbox.add_all(connection, [(OWNER, new_id("as"), AssetPlayable(revision="1")) for _ in range(7)])
        await outbox.add(connection, OWNER, new_id("tr"), TrackReady(asset_id="as_1"))
    await until_readable(pool)
    pages = [await event_feed.read(pool, OWNER, None, ["video.track.%"], 10)]
    while pages[-1].has_more:
        pages.append(await event_feed.read(pool, OWNER, pages[-1].next, ["video.track.%"], 10))
    assert [len(page.events) for page in pages] == [0, 0, 1]


async def test_an_event_is_the_same_json_in_the_feed_and_the_stream_of_its_asset(stack: Stack) -> None:
    owner = await as_owner(stack, "streams")
    _, made = await owner.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 10})
    _, page = await owner.api("GET", "/v1/events?types=video.asset.created&wait_s=60")
    (event,) = page["data"]
    headers = {"Authorization": f"Bearer {owner.endpoints['api_key']}"}
    url = f"{owner.endpoints['api']}/v1/assets/{made['data']['asset_id']}/events"
    told = []
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        async for line in answer.content:
            if line.startswith(b"data: {"):
                told.append(json.loads(line.removeprefix(b"data: ")))
            if event in told:
                break
    assert event in told
