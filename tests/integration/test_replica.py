"""Reads from a streaming standby: nobody misses what they wrote, and a standby that lags or is away costs nothing."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from redis.asyncio import Redis

import ingest.app
import origin.app
from core.db import owners, playback_ids, postgres, replica
from core.db.written import Written
from core.model import AssetId, OwnerId, Policy
from core.settings import Settings
from origin import access
from origin.context import CONTEXT
from tests.clusters import Cluster, cluster, standby
from tests.database import new_asset
from tests.lone import servers_env
from tests.lone_origin import LOCK, free_port
from tests.stack import Stack
from tests.waiting import until

ALICE, BORIS = OwnerId("ow_alice"), OwnerId("ow_boris")
KEYS = {owner: f"kadr_{owner[3:]}.{'0123456789' * 4}012" for owner in (ALICE, BORIS)}
UPLOAD = {"filename": "a.mp4", "size_bytes": 1000}


@dataclass(frozen=True, kw_only=True)
class Pair:
    """A primary with two owners, and its standby."""

    primary: Cluster
    standby: Cluster

    async def pause(self) -> None:
        await self._on_standby("SELECT pg_wal_replay_pause()")
        await until(lambda: self._on_standby("SELECT pg_get_wal_replay_pause_state()"), lambda state: state == "paused")

    async def resume(self) -> None:
        await self._on_standby("SELECT pg_wal_replay_resume()")

    async def _on_standby(self, statement: str) -> Any:
        connection = await asyncpg.connect(self.standby.url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    folder = tmp_path_factory.mktemp("clusters")
    folder.chmod(0o755)
    with cluster(folder / "primary") as primary:

        async def fill() -> None:
            async with primary.pool() as pool:
                await postgres.migrate(pool)
                for owner in (ALICE, BORIS):
                    await owners.ensure(pool, owner, owner, KEYS[owner])

        _run(fill())
        with standby(primary, folder / "standby") as copy:
            yield Pair(primary=primary, standby=copy)


def _run(coroutine: Any) -> None:
    """Run to the end in a thread: the tests' own loop runs already."""
    with ThreadPoolExecutor(1) as threads:
        threads.submit(asyncio.run, coroutine).result()


@pytest.fixture
async def replaying(pair: Pair) -> AsyncIterator[Pair]:
    """The pair, whose standby replays before and after the test."""
    yield pair
    if pair.standby.server is None:
        pair.standby.start()
    await pair.resume()


def settings_of(stack: Stack, pair: Pair, **more: str) -> Settings:
    env = servers_env(stack) | {"KADR_DATABASE_URL": pair.primary.url, "KADR_DATABASE_REPLICA_URL": pair.standby.url}
    values = {name.removeprefix("KADR_").lower(): value for name, value in env.items()}
    return Settings.model_validate(values | {"metrics_port": free_port()} | more)


@dataclass(frozen=True, kw_only=True)
class Door:
    """A running API or origin."""

    url: str
    metrics_url: str

    async def call(self, method: str, path: str, owner: OwnerId = ALICE, **more: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {KEYS[owner]}"}
        async with (
            aiohttp.ClientSession(headers=headers) as session,
            session.request(method, f"{self.url}{path}", **more) as answer,
        ):
            text = await answer.text()
            return answer.status, json.loads(text) if text.startswith("{") else text

    async def reads(self) -> dict[str, int]:
        """How many reads ended where, by what the metrics say."""
        async with aiohttp.ClientSession() as session, session.get(self.metrics_url) as answer:
            text = await answer.text()
        return {
            name: int(float(count))
            for name, count in re.findall(r'kadr_replica_reads_total{outcome="(\w+)"} (\S+)', text)
        }

    async def is_used(self, wanted: bool = True) -> bool:
        """Whether it is ready, and says this of its replica: it never needs one. Not ready is who waits too long."""
        status, body = await self.call("GET", "/health/ready")
        return status == 200 and body["data"]["parts"]["replica"] is wanted


@asynccontextmanager
async def door(app: web.Application, settings: Settings) -> AsyncIterator[Door]:
    async with TestServer(app) as server:
        made = Door(
            url=str(server.make_url("")).rstrip("/"), metrics_url=f"http://127.0.0.1:{settings.metrics_port}/metrics"
        )
        await until(made.is_used)
        yield made


@asynccontextmanager
async def api(stack: Stack, pair: Pair) -> AsyncIterator[Door]:
    settings = settings_of(stack, pair)
    async with door(ingest.app.create(settings), settings) as running:
        yield running


async def grown(running: Door, before: dict[str, int], outcome: str) -> int:
    return (await running.reads()).get(outcome, 0) - before.get(outcome, 0)


async def test_who_writes_sees_it_and_everybody_else_reads_the_replica(stack: Stack, replaying: Pair) -> None:
    async with api(stack, replaying) as first, api(stack, replaying) as second:
        await replaying.pause()
        status, made = await first.call("POST", "/v1/uploads", json=UPLOAD)
        assert status == 201
        path = f"/v1/assets/{made['data']['asset_id']}"
        for running in (first, second):  # the other process knows it by Redis
            before = await running.reads()
            assert (await running.call("GET", path))[1]["data"]["title"] == "a"
            listed = (await running.call("GET", "/v1/assets"))[1]["data"]
            assert made["data"]["asset_id"] in [one["id"] for one in listed]
            assert await grown(running, before, "behind") == 2
        assert (await second.call("PATCH", path, json={"title": "b"}))[1]["data"]["title"] == "b"
        assert (await first.call("GET", path))[1]["data"]["title"] == "b"
        before = await first.reads()
        assert (await first.call("GET", "/v1/assets", BORIS))[1]["data"] == []
        assert await grown(first, before, "replica") == 1

        await replaying.resume()
        before = await first.reads()
        assert (await first.call("GET", path))[1]["data"]["title"] == "b"
        assert await grown(first, before, "replica") == 1, "the standby has it within the 200 ms that a read waits"


async def test_a_replica_that_lags_is_named_and_not_used(
    stack: Stack, replaying: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "MOST_LAG_S", 0.5)
    async with api(stack, replaying) as running:
        await replaying.pause()
        await running.call("POST", "/v1/uploads", json=UPLOAD)
        await until(lambda: running.is_used(False))
        before = await running.reads()
        assert (await running.call("GET", "/v1/assets", BORIS))[0] == 200
        assert await grown(running, before, "not_used") == 1
        await replaying.resume()
        await until(running.is_used)


async def test_a_replica_that_dies_costs_no_request(stack: Stack, replaying: Pair) -> None:
    async with api(stack, replaying) as running:
        before = await running.reads()
        assert (await running.call("GET", "/v1/assets", BORIS))[0] == 200
        assert await grown(running, before, "replica") == 1
        replaying.standby.stop()
        for _ in range(5):
            assert (await running.call("GET", "/v1/assets", BORIS))[0] == 200
        await until(lambda: running.is_used(False))
        replaying.standby.start()
        await until(running.is_used)
        before = await running.reads()
        assert (await running.call("GET", "/v1/assets", BORIS))[0] == 200
        assert await grown(running, before, "replica") == 1


async def test_revocations_do_not_wait_for_the_replica(stack: Stack, replaying: Pair, tmp_path: Path) -> None:
    settings = settings_of(
        stack, replaying, delivery_keys=f"k1:{LOCK}", origin_cache_dir=str(tmp_path), work_dir=str(tmp_path)
    )
    async with replaying.primary.pool() as pool:
        asset_id = await new_asset(pool, ALICE)
        async with pool.acquire() as connection:
            old = await playback_ids.insert(connection, asset_id, Policy.PUBLIC)
    async with api(stack, replaying) as first, door(origin.app.create(settings), settings) as playing:
        await until(lambda: playing.call("GET", f"/play/{old}/index.m3u8"), lambda got: got[1]["code"] == "not_ready")
        await replaying.pause()
        _, added = await first.call("POST", f"/v1/assets/{asset_id}/playback_ids", json={"policy": "public"})
        status, problem = await playing.call("GET", f"/play/{added['data']['id']}/index.m3u8")
        assert (status, problem["code"]) == (404, "not_ready"), "known by the primary, as the standby knows it not"
        assert (await first.call("DELETE", f"/v1/assets/{asset_id}"))[0] == 204
        await until(lambda: playing.call("GET", f"/play/{old}/index.m3u8"), lambda got: got[0] == 410)
        await until(playing.is_used)  # and yet the standby still says that the asset is there


async def test_a_title_made_signed_is_signed_at_once(stack: Stack, replaying: Pair, tmp_path: Path) -> None:
    settings = settings_of(
        stack, replaying, delivery_keys=f"k1:{LOCK}", origin_cache_dir=str(tmp_path), work_dir=str(tmp_path)
    )
    async with replaying.primary.pool() as pool:
        asset_id = await new_asset(pool, ALICE)
        async with pool.acquire() as connection:
            title = await playback_ids.insert(connection, asset_id, Policy.PUBLIC)
        await pool.execute("INSERT INTO revisions (id, asset_id, summary) VALUES ('ab', $1, '{}')", asset_id)
        await pool.execute("UPDATE assets SET revision_id = 'ab' WHERE id = $1", asset_id)
    app = origin.app.create(settings)
    async with api(stack, replaying) as first, door(app, settings) as playing:

        async def policy() -> Policy:
            return (await access.find_published(app[CONTEXT], title)).policy

        before = await playing.reads()
        await until(policy, lambda read: read is Policy.PUBLIC)
        assert await grown(playing, before, "replica") >= 1
        await replaying.pause()
        assert (await first.call("PATCH", f"/v1/assets/{asset_id}", json={"policy": "signed"}))[0] == 200
        await until(policy, lambda read: read is Policy.SIGNED)
        assert await grown(playing, before, "behind") >= 1


async def test_what_is_no_standby_of_this_primary_is_not_used(stack: Stack, replaying: Pair) -> None:
    async with replaying.primary.pool() as pool:
        itself = replica.Replica(pool, pool)
        await itself.refresh()
        assert itself.state is replica.State.NO_STANDBY
        other = await asyncpg.create_pool(stack.endpoints["database_url"], min_size=1, max_size=1)
        try:
            stranger = replica.Replica(pool, other)
            await stranger.refresh()
        finally:
            await other.close()
        assert stranger.state is replica.State.OTHER_CLUSTER
        assert await stranger.reads().fetchval("SELECT count(*) FROM owners WHERE id = $1", ALICE) == 1


async def test_events_are_sent_once_the_replica_has_what_they_tell(replaying: Pair) -> None:
    async with replaying.primary.pool() as pool, replica.opened(_alone(replaying), pool) as watched:
        assert watched is not None
        await replaying.pause()
        await new_asset(pool, ALICE)
        waiting = asyncio.ensure_future(watched.caught_up())
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.shield(waiting), 0.3)
        await replaying.resume()
        await asyncio.wait_for(waiting, 10)
        count = "SELECT count(*) FROM assets WHERE owner_id = $1"
        assert await watched.reads().fetchval(count, ALICE) == await pool.fetchval(count, ALICE)


async def test_without_redis_an_owner_reads_the_primary(replaying: Pair) -> None:
    nobody = Redis(host="127.0.0.1", port=free_port(), socket_connect_timeout=0.5)
    async with replaying.primary.pool() as pool, replica.opened(_alone(replaying), pool) as watched:
        assert watched is not None
        written = Written(watched, nobody)
        await replaying.pause()
        asset_id: AssetId = await new_asset(pool, ALICE)
        await written.note(ALICE)
        reads = watched.reads(await written.position_of(ALICE))
        assert await reads.fetch("SELECT id FROM assets WHERE id = $1", asset_id)
        assert not await watched.reads().fetch("SELECT id FROM assets WHERE id = $1", asset_id)
    await nobody.aclose()


def _alone(pair: Pair) -> Settings:
    return Settings.model_validate({"database_url": pair.primary.url, "database_replica_url": pair.standby.url})
