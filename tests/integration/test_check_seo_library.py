"""kadr check --seo on a whole library: twenty titles that are listed among two hundred in every state."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import pytest

from core.db import postgres
from core.db.owners import FIRST_OWNER
from core.db.postgres import Pool
from core.model import Policy, new_id
from seo_checker.crawl import crawl
from seo_checker.fetch import CrawlLimits
from tests.catalogue import asset_of
from tests.stack import PLAIN, Stack
from tests.studio import settings_of
from tests.waiting import until

LISTED, ALL = 20, 200
# Columns of a row in which it is not listed: every reason, over a revision that is published.
STATES: tuple[dict[str, Any], ...] = (
    {"policy": Policy.SIGNED.value},
    {"listed": False},
    {"deleted_at": datetime.now(UTC)},
    {"taken_down_at": datetime.now(UTC)},
    {"expires_at": datetime.now(UTC) - timedelta(days=1)},
    {"revision_id": None, "status": "processing"},
    {"provisional": True, "status": "playable"},
    {"status": "errored", "revision_id": None},
    {"policy": Policy.SIGNED.value, "listed": False},
)


@pytest.fixture(scope="module")
async def library(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack of its own, as the site is crawled as a whole."""
    stack = Stack(tmp_path_factory.mktemp("library") / "home", env={"KADR_RECONCILE_S": "1"})
    await stack.start()
    yield stack
    assert await stack.stop() == 0


async def copied(pool: Pool, asset_id: str, columns: dict[str, Any]) -> str:
    """A row like that of an asset, but for these columns and its id; its playback id."""
    copy, playback_id = new_id("as"), new_id("pb")
    changed = {"policy": Policy.PUBLIC.value, **columns}
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(
            "INSERT INTO assets (id, owner_id, status, title, policy, listed, revision_id)"
            " SELECT $2, owner_id, status, $3, 'public', true, revision_id FROM assets WHERE id = $1",
            asset_id,
            copy,
            f"Hidden {playback_id}",
        )
        for table in ("revisions", "pictures"):
            names = [row["name"] for row in await connection.fetch(COLUMNS, table)]
            columns_of = ", ".join(names)
            await connection.execute(
                f"INSERT INTO {table} (asset_id, {columns_of})"
                f" SELECT $2, {columns_of} FROM {table} WHERE asset_id = $1",
                asset_id,
                copy,
            )
        await connection.execute(
            "INSERT INTO playback_ids (id, asset_id, policy) VALUES ($1, $2, $3)", playback_id, copy, changed["policy"]
        )
        sets = ", ".join(f"{name} = ${n + 2}" for n, name in enumerate(changed))
        await connection.execute(f"UPDATE assets SET {sets} WHERE id = $1", copy, *changed.values())
    return playback_id


COLUMNS = """SELECT column_name AS name FROM information_schema.columns
WHERE table_name = $1 AND column_name <> 'asset_id' AND is_generated = 'NEVER'"""


async def published(stack: Stack, clip: Path, number: int) -> Any:
    about = {"title": f"Bowl {number}", "description": f"How bowl {number} is thrown.", "tags": ["bowls"]}
    asset_id = await stack.upload(clip, **PLAIN, **about)
    await stack.wait(asset_id, "ready", within_s=300)
    return await until(lambda: asset_of(stack, asset_id), lambda one: one["poster_url"], within_s=120)


async def test_a_library_of_two_hundred_has_no_faults(library: Stack, tiny: Path) -> None:
    assets = await asyncio.gather(*(published(library, tiny, number) for number in range(LISTED)))
    pool = await postgres.connect(settings_of(library))
    try:
        states = islice(cycle(STATES), ALL - LISTED)
        hidden = [await copied(pool, one["id"], state) for one, state in zip(cycle(assets), states, strict=False)]
        assert await pool.fetchval("SELECT count(*) FROM assets WHERE owner_id = $1", FIRST_OWNER) == ALL
    finally:
        await pool.close()
    limits = CrawlLimits(rate=10_000)
    report = await until(
        lambda: crawl(library.endpoints["origin"], limits=limits), lambda one: one.pages == LISTED, within_s=120
    )
    # All of it has really been published within the last two minutes.
    faults = [str(one) for one in report.findings if one.severity != "note" and one.rule != "sitemap.lastmod-now"]
    assert faults == []
    assert not [one for one in report.findings if any(playback_id in str(one) for playback_id in hidden)]
