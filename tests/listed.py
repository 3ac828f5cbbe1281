"""Rows of titles that are listed or not, for tests on a database alone."""

from datetime import UTC, datetime, timedelta
from typing import Any

from core.db import assets, playback_ids
from core.db.assets import NewAsset
from core.db.postgres import Pool
from core.model import AssetId, PlaybackId, Policy, new_id
from seo.video_page import Sites
from tests.database import OWNER

SITES = Sites(pages="https://shop.example.org", media="https://video.example.org")
REVISION = "ab" * 10
IMAGE = {"shape": "full", "type": "image/jpeg", "width": 640, "height": 360, "sha256": "0" * 64, "size_bytes": 1}
POSTER = {"by": "upload", "poster": {"images": [IMAGE], "thumbhash": "", "colour": "#000000"}}


async def title_row(
    pool: Pool,
    policy: Policy,
    wanted: bool,
    complete: bool,
    deleted: bool,
    down: bool,
    poster: bool,
    expiry: timedelta | None,
) -> PlaybackId:
    """A row of every kind."""
    asset_id, now = AssetId(new_id("as")), datetime.now(UTC)
    expires_at = now + expiry if expiry else None
    about = {"listed": wanted, "expires_at": expires_at and expires_at.isoformat()}
    new = NewAsset(
        id=asset_id, owner_id=OWNER, title="a", ref_type=None, ref_id=None, policy=policy, language=None, about=about
    )
    async with pool.acquire() as connection, connection.transaction():
        await assets.insert(connection, new)
        playback_id = await playback_ids.insert(connection, asset_id, policy)
        await connection.execute(
            "INSERT INTO revisions (id, asset_id, summary) VALUES ($1, $2, '{}')", REVISION, asset_id
        )
        await connection.execute(
            "UPDATE assets SET revision_id = $2, provisional = $3, deleted_at = $4, taken_down_at = $5 WHERE id = $1",
            asset_id,
            REVISION,
            not complete,
            now if deleted else None,
            now if down else None,
        )
        if poster:
            await connection.execute("INSERT INTO pictures (asset_id, chosen) VALUES ($1, $2)", asset_id, POSTER)
    return playback_id


async def public(pool: Pool) -> PlaybackId:
    """A listed title."""
    return await title_row(pool, Policy.PUBLIC, True, True, False, False, True, None)


async def change(pool: Pool, playback_id: str, **columns: Any) -> None:
    """Change columns of the asset of a playback id."""
    sets = ", ".join(f"{name} = ${n + 2}" for n, name in enumerate(columns))
    await pool.execute(
        f"UPDATE assets SET {sets} WHERE id = (SELECT asset_id FROM playback_ids WHERE id = $1)",
        playback_id,
        *columns.values(),
    )
