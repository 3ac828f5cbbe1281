"""Lists of assets: every order page by page, whatever happens to the assets meanwhile."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from core.db import assets, postgres
from core.db.assets import Asset, Filters, Position, Sort
from core.model import AssetId
from tests.database import OWNER, new_asset
from tests.stack import Stack, as_owner

TITLES = ("Kiln", "kiln", "Clay", "", "Ёлка", "глина", "Глина", "x" * 120, "x" * 120 + "y", "a%_\\")
ORDERS: dict[Sort, Callable[[Asset], Any]] = {
    Sort.NEWEST: lambda one: one.id,
    Sort.OLDEST: lambda one: one.id,
    Sort.TITLE: lambda one: (one.title[:100].lower(), one.id),
    Sort.LONGEST: lambda one: ((one.summary or {}).get("duration_s", -1), one.id),
}


async def some(pool: postgres.Pool) -> None:
    """Two assets of each title, some of the same duration and some without one."""
    for number, title in enumerate(TITLES * 2):
        asset_id = await new_asset(pool)
        await pool.execute("UPDATE assets SET title = $2 WHERE id = $1", asset_id, title)
        if number % 4:
            revision = f"{number:020}"
            summary = {"duration_s": (number % 4) + 0.123456, "renditions": []}
            await pool.execute("INSERT INTO revisions VALUES ($1, $2, $3)", revision, asset_id, summary)
            await pool.execute("UPDATE assets SET revision_id = $2 WHERE id = $1", asset_id, revision)


async def pages(pool: postgres.Pool, sort: Sort, limit: int) -> list[AssetId]:
    found: list[Asset] = []
    after: Position | None = None
    while page := await assets.page(pool, OWNER, after, limit, Filters(), sort):
        found += page
        after = assets.position_of(page[-1], sort)
    return [one.id for one in found]


@pytest.mark.parametrize("sort", Sort)
async def test_pages_hold_in_every_order(pool: postgres.Pool, sort: Sort) -> None:
    await some(pool)
    everything = await assets.page(pool, OWNER, None, 100, Filters(), sort)
    descending = sort in (Sort.NEWEST, Sort.LONGEST)
    expected = [one.id for one in sorted(everything, key=ORDERS[sort], reverse=descending)]
    assert [one.id for one in everything] == expected
    assert len(set(expected)) == 2 * len(TITLES)
    for limit in (1, 3, 20, 21):
        assert await pages(pool, sort, limit) == expected


@pytest.mark.parametrize("sort", Sort)
async def test_a_page_goes_on_where_a_deleted_asset_was(pool: postgres.Pool, sort: Sort) -> None:
    await some(pool)
    expected = await pages(pool, sort, 100)
    first = await assets.page(pool, OWNER, None, 5, Filters(), sort)
    await pool.execute("UPDATE assets SET deleted_at = now(), title = 'zzz' WHERE id = $1", first[-1].id)
    rest = await assets.page(pool, OWNER, assets.position_of(first[-1], sort), 100, Filters(), sort)
    assert [one.id for one in rest] == expected[5:]


async def test_the_api_pages_through_an_order(stack: Stack) -> None:
    owner = await as_owner(stack, "lists")
    for title in ("b", "A", "c", "B"):
        await owner.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 1, "title": title})
    found: list[str] = []
    query = "sort=title&limit=3"
    for _ in range(2):
        status, body = await owner.api("GET", f"/v1/assets?{query}")
        assert status == 200, body
        found += [one["title"] for one in body["data"]]
        query = f"sort=title&limit=3&cursor={quote(body['next_cursor'] or '')}"
    assert found == ["A", "b", "B", "c"]
    assert body["next_cursor"] is None
    _, oldest = await owner.api("GET", "/v1/assets?sort=oldest&limit=1")
    assert [one["title"] for one in oldest["data"]] == ["b"]
    for wrong in (f"sort=title&cursor={oldest['next_cursor']}", "sort=size", "cursor=%00"):
        status, problem = await owner.api("GET", f"/v1/assets?{wrong}")
        assert (status, problem["code"]) == (422, "invalid"), wrong
