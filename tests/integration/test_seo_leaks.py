"""Who only follows links meets nothing of a title that the public may not find: no id, no word, no picture, no hash.

A title of its own goes into each state in which it is not listed, and back; another one of the same owner stays listed.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from core.db import postgres
from core.model import new_id
from tests.catalogue import asset_of, title
from tests.follow import Surface, surface
from tests.media import generate
from tests.stack import PLAIN, Stack, as_owner
from tests.studio import settings_of
from tests.waiting import until
from tests.web import fetch

PAST = (datetime.now(UTC) - timedelta(days=1)).isoformat()
PATCHES: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "unlisted": ({"listed": False}, {"listed": True}),
    "signed": ({"policy": "signed"}, {"policy": "public"}),
    "expired": ({"expires_at": PAST}, {"expires_at": None}),
}
STATES = (*PATCHES, "taken down")
PLAYED = ("unlisted",)  # by those who know the id


@dataclass(frozen=True, slots=True)
class Title:
    """A title of a test, with every word and hash by which it can be known."""

    asset_id: str
    playback_id: str
    watch_url: str
    words: tuple[str, ...]
    hashes: frozenset[str]

    @property
    def known_by(self) -> tuple[str, ...]:
        return (*self.words, self.asset_id, self.playback_id, *self.hashes)


def described(name: str) -> dict[str, Any]:
    """Words that stand nowhere else."""
    word = new_id("up")[3:]
    return {
        "title": f"{name} title {word}a",
        "description": f"Described as {word}b",
        "tags": [f"{word}c"],
        "author": {"name": f"Author {word}d", "url": f"https://{word}e.example.org/"},
    }


def words_of(about: Mapping[str, Any]) -> tuple[str, ...]:
    return (about["title"], about["description"], *about["tags"], about["author"]["name"], about["author"]["url"])


async def made(owner: Stack, clip: Path, name: str) -> Title:
    """A public title with a poster."""
    about = described(name)
    asset_id = await owner.upload(clip, **PLAIN, **about, policy="public")
    await owner.wait(asset_id, "ready")
    asset = await until(lambda: asset_of(owner, asset_id), lambda one: one["poster_url"])
    pool = await postgres.connect(settings_of(owner))
    try:
        row = await pool.fetchrow(
            "SELECT a.revision_id, to_jsonb(p)::text AS pictures FROM assets a JOIN pictures p ON p.asset_id = a.id"
            " WHERE a.id = $1",
            asset_id,
        )
    finally:
        await pool.close()
    assert row is not None
    hashes = re.findall(r"\b[0-9a-f]{64}\b", row["pictures"])
    assert hashes, "it has pictures"
    return Title(
        asset_id=asset_id,
        playback_id=asset["playback_ids"][0]["id"],
        watch_url=asset["watch_url"],
        words=words_of(about),
        hashes=frozenset([*hashes, row["revision_id"]]),
    )


@dataclass(frozen=True, slots=True)
class Both:
    """An owner with a title that changes, and the playback id of another's title that stays listed."""

    owner: Stack
    owner_id: str
    listed: str
    subject: Title

    async def surface(self) -> Surface:
        own = (self.listed, self.subject.playback_id)
        return await surface(self.owner.endpoints["origin"], own, f"/videos?owner={self.owner_id}")

    async def leaks(self, title: Title) -> list[str]:
        """Where something of the title is met now."""
        return leaks(await self.surface(), title)

    async def found(self) -> Surface:
        """The surface once pages, lists and the sitemap name the subject."""
        watch = f"/watch/{self.subject.playback_id}"

        def whole(read: Surface) -> bool:
            sitemaps = [url for url in read.naming([self.subject.playback_id]) if "/sitemaps/" in url]
            return bool(sitemaps) and {watch, f"/embed/{self.subject.playback_id}"} <= read.paths()

        return await until(self.surface, whole)


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of its own: equal pictures are one file."""
    path = tmp_path_factory.mktemp("leaks") / "secret.mp4"
    generate(path, "mandelbrot=size=320x180:rate=25,trim=duration=2", "sine=frequency=330:duration=2")
    return path


@pytest.fixture(scope="module")
async def both(stack: Stack, secret: Path) -> Both:
    owner = await as_owner(stack, "leaks")
    listed = await title(stack, "public")
    return Both(
        owner=owner,
        owner_id="ow_leaks",
        listed=listed["playback_ids"][0]["id"],
        subject=await made(owner, secret, "Secret"),
    )


def leaks(read: Surface, title: Title) -> list[str]:
    """Where something of the title is met."""
    copies = [url for url, answer in read.read.items() if hashlib.sha256(answer.body).hexdigest() in title.hashes]
    return sorted({*read.naming(title.known_by), *copies})


async def change(both: Both, state: str, *, back: bool) -> None:
    path = f"/v1/assets/{both.subject.asset_id}"
    if state in PATCHES:
        status, body = await both.owner.api("PATCH", path, json=dict(PATCHES[state][back]))
    else:
        status, body = await both.owner.api("DELETE" if back else "POST", f"{path}/takedown")
    assert status in (200, 202), body


async def at_its_doors(title: Title, site: str) -> list[str]:
    """Which of the title's own addresses tell something of it to those who know them."""
    query = urlencode({"url": title.watch_url})
    image, play = f"{site}/image/{title.playback_id}", f"{site}/play/{title.playback_id}"
    urls = (
        title.watch_url,
        f"{site}/ru/watch/{title.playback_id}",
        f"{site}/embed/{title.playback_id}",
        f"{site}/oembed?{query}",
        f"{site}/oembed?{query}&format=xml",
        f"{image}/poster.jpg",
        f"{play}/index.m3u8",
        f"{play}/player.json",
        f"{play}/chapters.json",
    )
    read = Surface({url: await fetch(url) for url in urls})
    told = {url for url, answer in read.read.items() if answer.status == 200}
    return sorted({*told, *read.naming((*title.words, *title.hashes))})


@pytest.mark.parametrize("state", STATES)
async def test_a_title_that_may_not_be_found_and_may_again(both: Both, state: str) -> None:
    site = both.owner.endpoints["origin"]
    before = await both.found()
    assert leaks(before, both.subject), "the crawler does see what is there"
    await change(both, state, back=False)
    try:
        await until(lambda: both.leaks(both.subject), lambda told: told == [])
        assert (await both.surface()).naming([both.listed]), "the other title is still found"
        if state not in PLAYED:
            await until(lambda: at_its_doors(both.subject, site), lambda told: told == [])
    finally:
        await change(both, state, back=True)
    assert leaks(await both.found(), both.subject)


async def test_before_it_is_ready_and_after_it_is_deleted(stack: Stack, secret: Path) -> None:
    owner = await as_owner(stack, "leaks_ends")
    site, about = owner.endpoints["origin"], described("Beginning")
    body = {"filename": "a.mp4", "size_bytes": secret.stat().st_size, **about}
    status, created = await owner.api("POST", "/v1/uploads", json=body)
    assert status == 201, created
    waiting = await asset_of(owner, created["data"]["asset_id"])
    ids = [waiting["id"], *(one["id"] for one in waiting["playback_ids"])]
    read = await surface(site, ids, "/videos?owner=ow_leaks_ends")
    assert read.naming([*words_of(about), *ids]) == []

    ended = await made(owner, secret, "Ended")
    both = Both(owner=owner, owner_id="ow_leaks_ends", listed=ended.playback_id, subject=ended)
    await both.found()
    status, _ = await owner.api("DELETE", f"/v1/assets/{ended.asset_id}")
    assert status in (200, 202, 204)
    await until(lambda: both.leaks(ended), lambda told: told == [])
    await until(lambda: at_its_doors(ended, site), lambda told: told == [])
