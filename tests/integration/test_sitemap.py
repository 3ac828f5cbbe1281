"""The sitemap over a database: which file names which title, and that one change touches one file."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from core.db import listed, playback_ids
from core.db.postgres import Pool
from core.event_types import ListingChanged
from core.model import Policy
from tests.listed import SITES, change, public
from workers.engine import sitemap_keeper


@pytest.fixture
def small_files(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sitemap_keeper, "MOST_ENTRIES", 3)
    yield


async def named(pool: Pool) -> dict[int, list[str]]:
    """The playback ids that each file names."""
    found = {}
    for number, _ in await listed.parts(pool):
        titles, after = await listed.page_of_part(pool, number, "", 100)
        assert after is None
        found[number] = [one.playback_id for one, _ in titles]
    return found


async def test_a_title_stays_in_its_file(pool: Pool, small_files: None) -> None:
    made = [await public(pool) for _ in range(7)]
    assert await sitemap_keeper.keep(pool, SITES) == 7
    assert await named(pool) == {1: made[:3], 2: made[3:6], 3: made[6:]}
    before = dict(await listed.parts(pool))

    await change(pool, made[1], title="Another")
    await change(pool, made[4], listed=False)
    assert (await named(pool))[2] == [made[3], made[5]], "at once"
    await sitemap_keeper.keep(pool, SITES)
    after = dict(await listed.parts(pool))
    assert [number for number in after if after[number] != before[number]] == [1, 2]

    more = await public(pool)
    await change(pool, made[4], listed=True)
    await sitemap_keeper.keep(pool, SITES)
    assert await named(pool) == {1: made[:3], 2: made[3:6], 3: [made[6], more]}
    assert await sitemap_keeper.keep(pool, SITES) == 0
    sums = await pool.fetch(
        "SELECT p.number, p.bytes, p.listed, sum(e.bytes) AS of_bytes, count(e) AS of_listed"
        " FROM sitemap_parts p JOIN sitemap_entries e ON e.part = p.number AND e.is_listed GROUP BY p.number"
    )
    assert len(sums) == 3
    assert [(row["bytes"], row["listed"]) for row in sums] == [(row["of_bytes"], row["of_listed"]) for row in sums]


async def test_a_file_without_titles_is_not_listed(pool: Pool) -> None:
    one = await public(pool)
    await sitemap_keeper.keep(pool, SITES)
    await change(pool, one, taken_down_at=datetime.now(UTC))
    await sitemap_keeper.keep(pool, SITES)
    assert await listed.parts(pool) == []
    assert await listed.part(pool, 1) is None


async def test_what_no_longer_fits_moves_to_the_newest_file(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    made = [await public(pool) for _ in range(2)]
    await sitemap_keeper.keep(pool, SITES)
    size = await pool.fetchval("SELECT bytes FROM sitemap_parts")
    monkeypatch.setattr(sitemap_keeper, "MOST_BYTES", size + 10)
    monkeypatch.setattr(sitemap_keeper, "TOO_LARGE", size + 900)
    await change(pool, made[0], description="x" * 1001)
    await sitemap_keeper.keep(pool, SITES)
    assert await named(pool) == {1: [made[1]], 2: [made[0]]}


async def test_a_time_that_runs_out_changes_the_file(pool: Pool) -> None:
    one = await public(pool)
    await sitemap_keeper.keep(pool, SITES)
    # As if it had been an hour away when the entry was made.
    await pool.execute("ALTER TABLE assets DISABLE TRIGGER listing_changed")
    await change(pool, one, expires_at=datetime.now(UTC))
    await pool.execute("UPDATE sitemap_entries SET expires_at = now()")
    state = await listed.part(pool, 1)
    assert state is not None
    assert state[1] is False, "the document differs from the one of before"
    assert await named(pool) == {1: []}
    assert await sitemap_keeper.keep(pool, SITES) == 1
    assert await listed.parts(pool) == []


async def test_engines_can_be_told_of_each_change(pool: Pool) -> None:
    one = await public(pool)
    await sitemap_keeper.keep(pool, SITES)
    await change(pool, one, deleted_at=datetime.now(UTC))
    await sitemap_keeper.keep(pool, SITES)
    told = await pool.fetch("SELECT payload FROM events WHERE type = $1 ORDER BY position", ListingChanged.type)
    url = f"https://shop.example.org/watch/{one}"
    assert [row["payload"] for row in told] == [{"listed": True, "url": url}, {"listed": False, "url": url}]


async def test_the_public_id_decides(pool: Pool) -> None:
    one = await public(pool)
    row = await playback_ids.published(pool, one)
    assert row is not None
    await sitemap_keeper.keep(pool, SITES)
    async with pool.acquire() as connection:
        await playback_ids.set_policy(connection, row.asset_id, Policy.SIGNED)
    await sitemap_keeper.keep(pool, SITES)
    assert await listed.parts(pool) == []
