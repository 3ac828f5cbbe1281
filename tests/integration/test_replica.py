"""Reads from a streaming standby: nobody misses what they wrote, and a standby that lags or is away costs nothing."""

import asyncio
import json
import math
import os
import re
import signal
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
from tests import runs
from tests.clusters import Cluster, bare_cluster, cluster, standby
from tests.database import new_asset
from tests.lone import descendants, servers_env
from tests.lone_origin import LOCK, free_port
from tests.stack import Stack
from tests.waiting import until

ALICE, BORIS = OwnerId("ow_alice"), OwnerId("ow_boris")
KEYS = {owner: f"kadr_{owner[3:]}.{'0123456789' * 4}012" for owner in (ALICE, BORIS)}
CANCELLED = "SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(60)"  # as a time limit of the server does
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


async def test_what_is_no_standby_of_this_primary_is_not_used(replaying: Pair, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    with bare_cluster(tmp_path / "other", "kadr") as other:
        async with replaying.primary.pool() as pool, other.pool() as others:
            itself = replica.Replica(pool, pool)
            await itself.refresh()
            assert itself.state is replica.State.NO_STANDBY
            stranger = replica.Replica(pool, others)
            await stranger.refresh()
            assert stranger.state is replica.State.OTHER_CLUSTER
            assert await stranger.reads().fetchval("SELECT count(*) FROM owners WHERE id = $1", ALICE) == 1
            async with replaying.standby.pool() as standbys:
                stranger = replica.Replica(others, standbys)
                await stranger.refresh()
                await others.close()
                await stranger.refresh()
                assert stranger.state is replica.State.OTHER_CLUSTER, "also while the primary does not answer"


async def test_a_standby_is_not_used_before_its_lag_is_known(replaying: Pair) -> None:
    async with replaying.primary.pool() as pool, replaying.standby.pool() as standbys:
        await replaying.pause()
        await new_asset(pool, ALICE)
        watched = replica.Replica(pool, standbys)
        await watched.refresh()
        assert watched.state is replica.State.LAGGING, "for how long it has lagged nobody can say"
        await replaying.resume()
        await until(watched.refresh, lambda _: watched.is_used)


async def test_who_waits_for_the_standby_keeps_nobody_else_from_it(
    replaying: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "WAIT_S", 60 * runs.patience())
    monkeypatch.setattr(replica, "READ_S", 60 * runs.patience())
    async with replaying.primary.pool() as pool, watched_by(replaying, pool, connections=2) as watched:
        await replaying.pause()
        await new_asset(pool, ALICE)
        after = await watched.position()
        waiting = [asyncio.create_task(watched.read("fetchval", "SELECT 1", (), after)) for _ in range(8)]
        await asyncio.sleep(0)
        async with asyncio.timeout(10 * runs.patience()):
            assert await watched.read("fetchval", "SELECT 2", (), 0) == (True, 2)
        assert not any(task.done() for task in waiting)
        await replaying.resume()
        assert await asyncio.gather(*waiting) == [(True, 1)] * 8


async def test_a_slow_read_does_not_end_the_use_of_the_standby(
    replaying: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with replaying.primary.pool() as pool, watched_by(replaying, pool) as watched:
        monkeypatch.setattr(replica, "READ_S", 0.2)
        assert await watched.read("fetchval", "SELECT pg_sleep(60)", (), 0) == (False, None)
        assert watched.is_used
        monkeypatch.setattr(replica, "READ_S", 20 * runs.patience())
        assert await watched.read("fetchval", CANCELLED, (), 0) == (False, None)
        assert watched.is_used


async def test_where_a_standby_hangs_nobody_waits_for_those_before_them(
    replaying: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replica, "ANSWER_S", runs.patience())
    async with replaying.primary.pool() as pool, watched_by(replaying, pool) as watched:
        await replaying.pause()
        await new_asset(pool, ALICE)
        assert replaying.standby.server is not None
        below = [replaying.standby.server.pid, *descendants(replaying.standby.server.pid)]
        for pid in below:
            os.kill(pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(20 * runs.patience()):
                await asyncio.gather(*(watched.caught_up() for _ in range(25)))
            assert watched.state is replica.State.AWAY
        finally:
            for pid in below:
                os.kill(pid, signal.SIGCONT)


async def test_the_only_connection_of_a_program_is_enough_to_wait(replaying: Pair) -> None:
    one = await asyncpg.create_pool(replaying.primary.url, min_size=1, max_size=1)
    async with watched_by(replaying, one) as watched:
        async with asyncio.timeout(20 * runs.patience()), one.acquire() as connection:
            await watched.caught_up(connection)
    await one.close()


async def test_events_are_sent_once_the_replica_has_what_they_tell(replaying: Pair) -> None:
    async with replaying.primary.pool() as pool, watched_by(replaying, pool) as watched:
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
    async with replaying.primary.pool() as pool, watched_by(replaying, pool) as watched:
        written = Written(watched, nobody)
        await replaying.pause()
        asset_id: AssetId = await new_asset(pool, ALICE)
        await written.note(ALICE)
        reads = watched.reads(await written.position_of(ALICE))
        assert await reads.fetch("SELECT id FROM assets WHERE id = $1", asset_id)
        assert not await watched.reads().fetch("SELECT id FROM assets WHERE id = $1", asset_id)
        async with replaying.standby.pool() as demoted:  # has no place of its own in the log
            written = Written(replica.Replica(demoted, demoted), nobody)
            await written.note(BORIS)
            assert await written.position_of(BORIS) == math.inf
    await nobody.aclose()


@asynccontextmanager
async def watched_by(pair: Pair, pool: Any, connections: int = 8) -> AsyncIterator[replica.Replica]:
    """The standby, in use."""
    settings = _alone(pair).model_copy(update={"database_pool": connections})
    async with replica.opened(settings, pool) as watched:
        assert watched is not None
        await until(lambda: _state(watched), lambda state: state is replica.State.USED)
        yield watched


async def _state(watched: replica.Replica) -> replica.State:
    return watched.state


def _alone(pair: Pair) -> Settings:
    return Settings.model_validate({"database_url": pair.primary.url, "database_replica_url": pair.standby.url})
