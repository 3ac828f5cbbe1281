"""Logs of CDNs into the database and out again: no file counts twice, and owners see their own figures only."""

import asyncio
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from core.db import costs, usage
from core.db.postgres import Pool
from core.errors import KadrError
from core.model import OwnerId, UsageBy
from kadr.commands.usage import import_file
from tests import lone
from tests.database import OWNER, new_asset, new_owner
from tests.delivery_logs import bunny, cloudfront, header, media_path, write
from tests.stack import Stack, as_owner

FIRST, LAST = date(2026, 11, 1), date(2026, 11, 30)


async def sums(pool: Pool, by: UsageBy, owner: OwnerId | None = None) -> dict[str, tuple[int, int, int]]:
    """{name: (requests, errors, bytes)}"""
    found = await usage.summed(pool, by, FIRST, LAST, owner)
    return {one.name: (one.requests, one.errors, one.bytes) for one in found}


async def test_each_request_counts_once(pool: Pool, tmp_path: Path) -> None:
    other = await new_owner(pool, "other")
    mine, theirs = await new_asset(pool), await new_asset(pool, other)
    lines = [
        *header(),
        cloudfront(media_path(mine), 100),
        cloudfront(media_path(mine), 20, day="2026-11-29", status="403"),
        cloudfront(media_path(theirs), 7),
        cloudfront(media_path("as_nobodys"), 3),
        cloudfront("/favicon.ico", 1, status="404"),
        "nonsense",
    ]
    done = await import_file(pool, write(tmp_path / "a.gz", lines, packed=True), "cloudfront", "fast")
    assert (done.state, done.result.requests, done.result.malformed) == ("counted", 5, 1)
    again = await import_file(pool, write(tmp_path / "renamed.log", lines), "cloudfront", "fast")
    assert (again.state, again.result.requests) == ("known", 0)
    more = [bunny(f"https://cdn.example.net{media_path(mine)}", 1000, number=number) for number in range(3)]
    await import_file(pool, write(tmp_path / "b.log", more[:2]), "bunny", "cheap")
    grown = await import_file(pool, write(tmp_path / "c.log", more), "bunny", "cheap")
    assert (grown.state, grown.result.requests) == ("grown", 1)
    with pytest.raises(KadrError, match="counted from another copy of this log"):
        await import_file(pool, write(tmp_path / "older.log", more[:1]), "bunny", "cheap")

    assert await sums(pool, UsageBy.PATHWAY) == {"cheap": (3, 0, 3000), "fast": (5, 2, 131)}
    assert await sums(pool, UsageBy.ASSET) == {mine: (5, 1, 3120), theirs: (1, 0, 7), "": (2, 1, 4)}
    assert await sums(pool, UsageBy.OWNER) == {OWNER: (5, 1, 3120), other: (1, 0, 7), "": (2, 1, 4)}
    assert await sums(pool, UsageBy.DAY) == {"2026-11-28": (7, 1, 3111), "2026-11-29": (1, 1, 20)}
    assert await sums(pool, UsageBy.DAY, other) == {"2026-11-28": (1, 0, 7)}


async def test_what_was_delivered_within_a_month_is_measured(pool: Pool, tmp_path: Path) -> None:
    """Of whole days: not of today, which is not over."""
    today = datetime.now(UTC).date()
    days = [str(today - timedelta(days=ago)) for ago in (0, 1, 3, 31)]
    lines = [*header(), *(cloudfront("/", 10**9, day=day) for day in days)]
    await import_file(pool, write(tmp_path / "a.log", lines), "cloudfront", "fast")
    found = await costs.measured(pool)
    assert (found.delivered_bytes, found.delivered_days) == (2 * 10**9, 3)


async def test_logs_that_were_counted_and_are_joined_count_no_more(pool: Pool, tmp_path: Path) -> None:
    made = [[*header(), *(cloudfront("/", 1, number=10 * part + of) for of in range(3))] for part in range(4)]
    for part in (0, 1, 2):
        await import_file(pool, write(tmp_path / f"{part}.gz", made[part], packed=True), "cloudfront", "fast")
    joined = await import_file(
        pool, write(tmp_path / "month.log", [line for part in made for line in part]), "cloudfront", "fast"
    )
    assert (joined.state, joined.result.requests) == ("grown", 3)
    assert await sums(pool, UsageBy.PATHWAY) == {"fast": (12, 0, 12)}


async def test_two_imports_of_the_same_file_at_once(pool: Pool, tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [bunny("https://cdn.example.net/", 5, number=number) for number in range(50)])
    done = await asyncio.gather(*(import_file(pool, path, "bunny", "bunny") for _ in range(3)))
    assert sorted(one.state for one in done) == ["counted", "known", "known"]
    assert await sums(pool, UsageBy.PATHWAY) == {"bunny": (50, 0, 250)}


async def test_a_file_of_another_format_leaves_nothing(pool: Pool, tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", [bunny("https://cdn.example.net/", 5)])
    with pytest.raises(KadrError, match="no log of cloudfront: in line 1"):
        await import_file(pool, path, "cloudfront", "fast")
    assert await sums(pool, UsageBy.DAY) == {}
    assert (await import_file(pool, path, "bunny", "bunny")).state == "counted"


async def test_by_command_and_by_api(stack: Stack, tmp_path: Path) -> None:
    mine = await as_owner(stack, "usage")
    _, made = await mine.api("POST", "/v1/uploads", json={"filename": "a.mp4", "size_bytes": 1})
    path, today = media_path(made["data"]["asset_id"]), date.today()
    days = [str(today - timedelta(days=ago)) for ago in (2, 1)]
    lines = [*header(), *(cloudfront(path, 50, day=day) for day in days)]
    file, missing = write(tmp_path / "a.log", [*lines, "nonsense"]), tmp_path / "missing.log"
    env = {**lone.servers_env(stack), "KADR_LOG_LEVEL": "ERROR"}
    with (tmp_path / "out").open("wb") as out:
        command = await lone.start(
            "usage", "import", "--format", "cloudfront", str(missing), str(file), env=env, log=out
        )
        assert await command.wait() == 1, "one file and one line could not be counted"
    printed = (tmp_path / "out").read_text()
    assert f"{missing}: cannot be read" in printed
    assert f"{file}:5: not counted: it has 1 fields" in printed
    assert "2 requests, 0.000 GB" in printed
    with (tmp_path / "out").open("wb") as out:
        shown = await lone.start("usage", "show", "--owner", "ow_usage", "--json", env=env, log=out)
        assert await shown.wait() == 0
    wanted = [{"requests": 1, "errors": 0, "bytes": 50} for _ in days]
    found = json.loads((tmp_path / "out").read_text())["day"]
    assert found == [{"name": day, **one} for day, one in zip(days, wanted, strict=True)]

    status, body = await mine.api("GET", "/v1/usage")
    assert (status, body["next_cursor"]) == (200, None)
    assert body["data"] == [{"day": day, **one} for day, one in zip(days, wanted, strict=True)]
    status, body = await mine.api("GET", f"/v1/usage?since={days[1]}&until={days[1]}")
    assert [one["day"] for one in body["data"]] == days[1:]
    other = await as_owner(stack, "usage_other")
    assert (await other.api("GET", "/v1/usage"))[1]["data"] == []
    for wrong in ("since=2026-11-30&until=2026-11-01", "since=2020-01-01&until=2026-11-01", "since=yesterday"):
        status, problem = await mine.api("GET", f"/v1/usage?{wrong}")
        assert (status, problem["code"]) == (422, "invalid")
