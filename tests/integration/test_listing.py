"""Which titles the public may find, in the database, and the fields of the API that decide it."""

from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

from core.db import playback_ids
from core.db.postgres import Pool
from core.listing import listed
from core.model import Policy
from tests.listed import title_row
from tests.stack import PLAIN, Stack, as_owner
from tests.waiting import until
from tests.web import fetch

EXPIRIES = (None, timedelta(hours=-1), timedelta(hours=1))


async def test_the_view_and_the_function_agree_on_every_kind_of_title(pool: Pool) -> None:
    kinds = list(product(Policy, *([(True, False)] * 5), EXPIRIES))
    made = [await title_row(pool, *kind) for kind in kinds]
    found = {row["playback_id"] for row in await pool.fetch("SELECT playback_id FROM listed_assets")}
    rows = [await playback_ids.published(pool, one) for one in made]
    expected = {one for one, row in zip(made, rows, strict=True) if row and listed(row.standing, datetime.now(UTC))}
    assert found == expected
    assert len(expected) == 2, "public, wanted, complete, with a poster; for ever or for an hour more"


async def test_a_title_is_named_by_a_public_id(pool: Pool) -> None:
    first = await title_row(pool, Policy.PUBLIC, True, True, False, False, True, None)
    row = await playback_ids.published(pool, first)
    assert row is not None
    async with pool.acquire() as connection:
        await playback_ids.insert(connection, row.asset_id, Policy.SIGNED)
        await playback_ids.insert(connection, row.asset_id, Policy.PUBLIC)
    assert [one["playback_id"] for one in await pool.fetch("SELECT playback_id FROM listed_assets")] == [first]


async def test_what_pages_say_is_kept_changed_and_cleared(stack: Stack) -> None:
    about = {
        "description": "From clay to glaze.",
        "tags": ["pottery", "Керамика"],
        "published_at": "2026-01-02T03:04:05+02:00",
        "expires_at": "2036-01-01T00:00:00Z",
        "page_url": "https://shop.example.org/mugs/42",
        "family_friendly": False,
        "author": {"name": "Anna's Pottery", "url": "https://shop.example.org/"},
        "listed": False,
    }
    status, body = await stack.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 3, **about})
    assert status == 201, body
    path = f"/v1/assets/{body['data']['asset_id']}"
    _, body = await stack.api("GET", path)
    kept = {name: body["data"][name] for name in about}
    assert kept == {**about, "published_at": "2026-01-02T01:04:05Z"}
    _, body = await stack.api("PATCH", path, json={"title": "Other", "family_friendly": None, "listed": None})
    assert {name: body["data"][name] for name in about} == kept
    cleared = {
        "description": "",
        "tags": [],
        "published_at": None,
        "expires_at": None,
        "page_url": None,
        "author": None,
    }
    _, body = await stack.api("PATCH", path, json=cleared)
    assert {name: body["data"][name] for name in cleared} == cleared
    for wrong, pointer in (
        ({"page_url": "javascript:alert(1)"}, "/page_url"),
        ({"tags": ["a", "A"]}, "/tags"),
        ({"tags": [""]}, "/tags/0"),
        ({"expires_at": "2036-01-01T00:00:00"}, "/expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-14:00"}, "/expires_at"),  # the year 10000 in UTC, which Python cannot read
        ({"author": {"url": "https://a.example/"}}, "/author/name"),
        ({"description": "a\x00"}, "/description"),
    ):
        status, body = await stack.api("PATCH", path, json=wrong)
        assert (status, body["errors"][0]["pointer"]) == (422, pointer), body


async def test_an_owner_says_whether_new_assets_are_listed(stack: Stack) -> None:
    owner = await as_owner(stack, "lister")
    _, body = await owner.api("GET", "/v1/account")
    assert body["data"]["list_by_default"] is True
    new = {"filename": "a.mp4", "size_bytes": 3}

    async def made(**more: bool) -> bool:
        _, upload = await owner.api("POST", "/v1/uploads", json={**new, **more})
        _, shown = await owner.api("GET", f"/v1/assets/{upload['data']['asset_id']}")
        return bool(shown["data"]["listed"])

    assert await made()
    assert not await made(listed=False)
    status, body = await owner.api("PATCH", "/v1/account", json={"list_by_default": False})
    assert (status, body["data"]["list_by_default"]) == (200, False)
    assert not await made()
    assert await made(listed=True)


async def test_a_title_ends_at_its_time(stack: Stack, tiny: Path) -> None:
    asset = await stack.wait(await stack.upload(tiny, **PLAIN), "ready")
    assert asset["published_at"]
    soon = datetime.now(UTC) + timedelta(seconds=3)
    await stack.api("PATCH", f"/v1/assets/{asset['id']}", json={"expires_at": soon.isoformat()})
    page = await fetch(asset["watch_url"])
    assert page.status == 200
    await until(lambda: fetch(asset["playback_url"]), lambda answer: answer.status == 410)
    assert datetime.now(UTC) > soon - timedelta(seconds=1)
    assert (await fetch(asset["watch_url"])).status == 410
    status, body = await stack.api("PATCH", f"/v1/assets/{asset['id']}", json={"expires_at": None})
    assert (status, body["data"]["expires_at"]) == (200, None)
    await until(lambda: fetch(asset["playback_url"]), lambda answer: answer.status == 200)
