"""Power cuts: workers, the stack, Redis and PostgreSQL die in mid-encode, and every asset still becomes ready, once.

One stack of servers without workers; each test starts the workers that it kills. An encode is held by SIGSTOP as soon
as it has begun, so that a short clip is long enough to be killed in the middle of.
"""

import asyncio
import os
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from tests import runs
from tests.lone import Worker
from tests.media import generate
from tests.stack import PLAIN, Stack, nothing_left
from tests.waiting import until

Workers = Callable[..., Awaitable[Worker]]


@pytest.fixture(scope="module")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """Servers of this module's own, to be killed, and no worker."""
    stack = Stack(tmp_path_factory.mktemp("mortal") / "home", env={"KADR_UP_WORKERS": "0"})
    await stack.start()
    yield stack
    assert await stack.stop() == 0
    await nothing_left(stack)


@pytest.fixture
async def worker(mortal: Stack) -> AsyncIterator[Workers]:
    """Starts workers on these servers; what is left of them ends with the test."""
    started: list[Worker] = []

    async def begin(**env: str) -> Worker:
        one = Worker(mortal, mortal.home.parent / f"work-{os.urandom(4).hex()}", env)
        started.append(one)
        await one.start()
        return one

    yield begin
    for one in started:
        if one.running is not None and one.running.returncode is None:
            assert await one.stop() == 0


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two rungs, so that there is an encode after the first of them is shown."""
    path = tmp_path_factory.mktemp("clips") / "film.mp4"
    generate(path, "testsrc2=size=640x360:rate=25:duration=4,setsar=4/3", "sine=frequency=300:duration=4")
    return path


async def hold_encode(mortal: Stack, asset_id: str, *workers: Worker) -> list[int]:
    """Stop the ffmpeg programs of this asset's encode once they have begun; their pids."""
    connection = await asyncpg.connect(mortal.endpoints["database_url"])
    leased = "SELECT count(*) FROM steps WHERE asset_id = $1 AND kind = 'encode' AND state = 'leased'"
    try:
        async with asyncio.timeout(60 * runs.patience()):
            while True:
                begun = await connection.fetchval(leased, asset_id)
                if begun and (pids := [pid for one in workers for pid in one.encoders()]):
                    for pid in pids:
                        os.kill(pid, signal.SIGSTOP)
                    return pids
                await asyncio.sleep(0.005)
    finally:
        await connection.close()


def go_on(pids: list[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


async def published_once(mortal: Stack, asset_id: str) -> None:
    """Ready, by one publication, with every step done once in effect."""
    asset = await mortal.wait(asset_id)
    assert asset["status"] == "ready", asset
    connection = await asyncpg.connect(mortal.endpoints["database_url"])
    try:
        # Pictures and subtitles of the upload may come after the title is ready.
        rows = await until(
            lambda: connection.fetch(
                "SELECT kind, state, input ->> 'chunk' AS chunk FROM steps WHERE asset_id = $1", asset_id
            ),
            lambda rows: {row["state"] for row in rows} == {"done"},
        )
        provisional = await connection.fetchval("SELECT provisional FROM assets WHERE id = $1", asset_id)
        revisions = await connection.fetchval("SELECT count(*) FROM revisions WHERE asset_id = $1", asset_id)
    finally:
        await connection.close()
    done = [(row["kind"], row["chunk"]) for row in rows]
    assert len(done) == len(set(done)), done
    kinds = {row["kind"] for row in rows}
    assert {"accept", "probe", "plan", "analyse", "publish"} <= kinds
    assert not provisional
    assert revisions == 1 + bool(kinds & {"remux", "first_rung"}), "one to bridge the wait, and the one that stays"


async def attempts(mortal: Stack, asset_id: str) -> list[int]:
    """Of its encodes."""
    _, body = await mortal.api("GET", f"/v1/assets/{asset_id}")
    return [step["attempts"] for step in body["data"]["steps"] if step["kind"] == "encode"]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


async def test_worker_killed_in_mid_encode(mortal: Stack, film: Path, worker: Workers) -> None:
    first = await worker()
    asset_id = await mortal.upload(film, **PLAIN)
    orphans = await hold_encode(mortal, asset_id, first)
    await first.kill()
    async with asyncio.timeout(5 * runs.patience()):
        while any(map(alive, orphans)):
            await asyncio.sleep(0.02)
    await worker()
    await published_once(mortal, asset_id)
    assert await attempts(mortal, asset_id) == [0], "a kill is an interruption, not an attempt"


@pytest.mark.acceptance("another kill: make test stops a worker in its own process")
async def test_worker_stopped_by_sigterm_hands_back(mortal: Stack, film: Path, worker: Workers) -> None:
    first = await worker()
    asset_id = await mortal.upload(film, **PLAIN)
    held = await hold_encode(mortal, asset_id, first)
    assert await first.stop() == 0
    assert not any(map(alive, held))
    _, body = await mortal.api("GET", f"/v1/assets/{asset_id}")
    assert [step["state"] for step in body["data"]["steps"] if step["kind"] == "encode"] == ["queued"]
    await worker()
    await published_once(mortal, asset_id)


async def test_everything_killed_at_once(mortal: Stack, film: Path, worker: Workers) -> None:
    first = await worker()
    asset_id = await mortal.upload(film, **PLAIN)
    await hold_encode(mortal, asset_id, first)
    first_gone = asyncio.create_task(first.kill())
    await mortal.kill_everything()
    await first_gone
    async with asyncio.timeout(10 * runs.patience()):
        while list(mortal.programs()):  # killed, and on their way out
            await asyncio.sleep(0.05)
    await mortal.start()
    await worker()
    await published_once(mortal, asset_id)


async def test_redis_flushed_in_mid_encode(mortal: Stack, film: Path, worker: Workers) -> None:
    asset_id = await mortal.upload(film, **PLAIN)
    held = await hold_encode(mortal, asset_id, await worker())
    async with Redis.from_url(mortal.endpoints["redis_url"]) as redis:
        await redis.flushall()
    go_on(held)
    await published_once(mortal, asset_id)


async def test_redis_killed_before_the_upload_completes(mortal: Stack, film: Path, worker: Workers) -> None:
    await worker()
    pids = mortal.running("redis-server")
    assert pids
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    await published_once(mortal, await mortal.upload(film, **PLAIN))


async def test_postgres_killed_in_mid_encode(mortal: Stack, film: Path, worker: Workers) -> None:
    asset_id = await mortal.upload(film, **PLAIN)
    held = await hold_encode(mortal, asset_id, await worker())
    os.kill(int((mortal.home / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    go_on(held)
    await published_once(mortal, asset_id)


@pytest.mark.parametrize("point", ["encode.before_upload", "encode.after_upload", "publish.before_flip"])
async def test_worker_dies_at_a_boundary(mortal: Stack, film: Path, worker: Workers, point: str) -> None:
    """The failpoint kills the worker that gets there; the next one without it finishes the work."""
    first = await worker(KADR_FAILPOINT=point)
    asset_id = await mortal.upload(film, **PLAIN)
    assert first.running is not None
    assert await asyncio.wait_for(first.running.wait(), 60) != 0
    await worker()
    await published_once(mortal, asset_id)


async def test_three_kills_in_a_row_on_random_workers(mortal: Stack, film: Path, worker: Workers) -> None:
    """Two workers share one queue; what one of them drops the other takes, or its successor."""
    there = [await worker(), await worker()]
    assets = [await mortal.upload(film, **PLAIN) for _ in range(2)]
    victims = random.Random(20261121)
    for _ in range(3):
        victim = victims.choice(there)
        for asset_id in assets:
            await mortal.wait(asset_id, "processing", "playable", "ready")
        await victim.kill()
        there[there.index(victim)] = await worker()
    one, other = assets
    await published_once(mortal, one)
    await published_once(mortal, other)


async def test_a_kill_loses_at_most_the_chunk_under_way(
    mortal: Stack, worker: Workers, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Three chunks; the worker dies in the second one: the first is not made again."""
    long = tmp_path_factory.mktemp("long") / "long.mp4"
    # Odd pixels, so that nothing of it can be passed through; long, as chunks are, but with few frames.
    generate(long, "testsrc2=size=640x360:rate=5:duration=92,setsar=4/3", "sine=duration=92", "-g", "10")
    asset_id = await mortal.upload(long, **PLAIN)
    first_worker = await worker()
    first = await chunks(mortal, asset_id, 1)
    await first_worker.kill()
    await worker()
    await published_once(mortal, asset_id)
    after = await chunks(mortal, asset_id, 3)
    assert {chunk: after[chunk] for chunk in first} == first


async def chunks(mortal: Stack, asset_id: str, count: int) -> dict[str, Any]:
    """When each chunk's other rungs were done, once `count` of them are."""
    connection = await asyncpg.connect(mortal.endpoints["database_url"])
    try:
        rows = await until(
            lambda: connection.fetch(
                "SELECT input ->> 'chunk' AS chunk, finished_at FROM steps"
                " WHERE asset_id = $1 AND kind = 'encode' AND state = 'done'",
                asset_id,
            ),
            lambda rows: len(rows) >= count,
            within_s=120,
            every_s=0.01,
        )
    finally:
        await connection.close()
    return {row["chunk"]: row["finished_at"] for row in rows}
