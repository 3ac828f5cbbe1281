"""Power cuts: workers, the whole stack and Redis die in mid-encode, and every asset still becomes ready, once."""

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from tests.conftest import generate
from tests.stack import Stack


@pytest.fixture(scope="module")
async def mortal(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A stack of this module's own, to be killed."""
    stack = Stack(tmp_path_factory.mktemp("mortal") / "home")
    await stack.start()
    yield stack
    await stack.stop()
    assert list(stack.programs()) == []


@pytest.fixture(scope="module")
def slow_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some ten seconds of encoding: enough to be killed in the middle of."""
    path = tmp_path_factory.mktemp("clips") / "slow.mp4"
    generate(path, "mandelbrot=size=1280x720:rate=30,trim=duration=6", "sine=frequency=300:duration=6", "-t", "6")
    return path


async def encodes(stack: Stack) -> list[int]:
    return [pid for pid in stack.running("-progress") if "ffmpeg" in Path(f"/proc/{pid}/cmdline").read_text()]


async def published_once(stack: Stack, asset: Any) -> None:
    """Ready, by one publication, with every step done once in effect."""
    assert asset["status"] == "ready", asset
    connection = await asyncpg.connect(stack.endpoints["database_url"])
    deadline = time.monotonic() + 60
    while True:  # pictures and subtitles of the upload may come after the title is ready
        rows = await connection.fetch(
            "SELECT kind, state, input ->> 'chunk' AS chunk FROM steps WHERE asset_id = $1", asset["id"]
        )
        if {row["state"] for row in rows} == {"done"}:
            break
        assert time.monotonic() < deadline, rows
        await asyncio.sleep(0.1)
    provisional = await connection.fetchval("SELECT provisional FROM assets WHERE id = $1", asset["id"])
    revisions = await connection.fetchval("SELECT count(*) FROM revisions WHERE asset_id = $1", asset["id"])
    await connection.close()
    done = [(row["kind"], row["chunk"]) for row in rows]
    assert len(done) == len(set(done)), done
    kinds = {row["kind"] for row in rows}
    assert {"accept", "probe", "plan", "analyse", "publish"} <= kinds
    assert not provisional
    assert revisions == 1 + bool(kinds & {"remux", "first_rung"}), "one to bridge the wait, and the one that stays"


def encode_step(asset: Any) -> Any:
    return next(step for step in asset["steps"] if step["kind"] == "encode")


async def test_worker_killed_in_mid_encode(mortal: Stack, slow_clip: Path) -> None:
    asset_id = await mortal.upload(slow_clip)
    await mortal.wait_step(asset_id, "encode")
    orphans = await encodes(mortal)
    assert orphans, "no ffmpeg to be orphaned"
    mortal.read_endpoints()
    for pid in mortal.endpoints["worker_pids"]:
        os.kill(pid, signal.SIGKILL)
    async with asyncio.timeout(5):
        while set(orphans) & set(mortal.programs()):
            await asyncio.sleep(0.05)
    asset = await mortal.wait(asset_id)
    await published_once(mortal, asset)
    assert encode_step(asset)["attempts"] == 0, "a kill is an interruption, not an attempt"


async def test_worker_stopped_by_sigterm_hands_back(mortal: Stack, slow_clip: Path) -> None:
    asset_id = await mortal.upload(slow_clip)
    await mortal.wait_step(asset_id, "encode")
    mortal.read_endpoints()
    os.kill(mortal.endpoints["worker_pids"][0], signal.SIGTERM)
    await published_once(mortal, await mortal.wait(asset_id))


async def test_everything_killed_at_once(mortal: Stack, slow_clip: Path) -> None:
    asset_id = await mortal.upload(slow_clip)
    await mortal.wait_step(asset_id, "encode")
    await mortal.kill_everything()
    async with asyncio.timeout(10):
        while list(mortal.programs()):  # killed, and on their way out
            await asyncio.sleep(0.05)
    await mortal.start()
    await published_once(mortal, await mortal.wait(asset_id))


async def test_redis_flushed_in_mid_encode(mortal: Stack, slow_clip: Path) -> None:
    asset_id = await mortal.upload(slow_clip)
    await mortal.wait_step(asset_id, "encode")
    async with Redis.from_url(mortal.endpoints["redis_url"]) as redis:
        await redis.flushall()
    await published_once(mortal, await mortal.wait(asset_id))


async def test_redis_killed_before_the_upload_completes(mortal: Stack, clip: Path) -> None:
    for pid in mortal.running("redis-server"):
        os.kill(pid, signal.SIGKILL)
    asset = await mortal.wait(await mortal.upload(clip))
    await published_once(mortal, asset)


async def test_postgres_killed_in_mid_encode(mortal: Stack, slow_clip: Path) -> None:
    asset_id = await mortal.upload(slow_clip)
    await mortal.wait_step(asset_id, "encode")
    os.kill(int((mortal.home / "postgres" / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
    await published_once(mortal, await mortal.wait(asset_id))


@pytest.mark.parametrize("point", ["encode.before_upload", "encode.after_upload", "publish.before_flip"])
async def test_worker_dies_at_a_boundary(own_stack: Callable[..., Stack], clip: Path, point: str) -> None:
    """The failpoint kills every worker that gets there; the next start without it finishes the work."""
    stack = own_stack(KADR_FAILPOINT=point)
    await stack.start()
    asset_id = await stack.upload(clip)
    async with asyncio.timeout(60):
        log = stack.home.parent / f"{stack.home.name}.log"
        while "worker" not in log.read_text().partition("ready")[2]:  # the supervisor tells of its death
            await asyncio.sleep(0.1)
    assert await stack.stop() == 0
    stack.env.clear()
    await stack.start()
    await published_once(stack, await stack.wait(asset_id))


async def test_three_kills_in_a_row_on_random_workers(own_stack: Callable[..., Stack], slow_clip: Path) -> None:
    """Two workers share one queue; what one of them drops the other takes, or its successor."""
    stack = own_stack(KADR_UP_WORKERS="2")
    await stack.start()
    assets = [await stack.upload(slow_clip) for _ in range(2)]
    for asset_id in assets:
        await stack.wait_step(asset_id, "encode")
    victims = random.Random(20261121)
    for _ in range(3):
        stack.read_endpoints()
        os.kill(victims.choice(stack.endpoints["worker_pids"]), signal.SIGKILL)
        await until_two_workers(stack)
    for asset_id in assets:
        await published_once(stack, await stack.wait(asset_id))


async def until_two_workers(stack: Stack) -> None:
    """Both workers are there again, as endpoints.json says."""
    async with asyncio.timeout(30):
        while True:
            stack.read_endpoints()
            pids = stack.endpoints["worker_pids"]
            if len(pids) == 2 and all(Path(f"/proc/{pid}").exists() for pid in pids):
                return
            await asyncio.sleep(0.1)


async def test_a_kill_loses_at_most_the_chunk_under_way(own_stack: Callable[..., Stack], tmp_path: Path) -> None:
    """Three chunks; the worker dies in the second one: the first is not made again."""
    long = tmp_path / "long.mp4"
    # Odd pixels, so that nothing of it can be passed through, and small, so that the chunks take seconds.
    generate(long, "testsrc2=size=640x360:rate=25:duration=92,setsar=4/3", "sine=duration=92", "-g", "50")
    stack = own_stack()
    await stack.start()
    asset_id = await stack.upload(long, ladder="apple")
    first = await until_chunks(stack, asset_id, 1)
    stack.read_endpoints()
    os.kill(stack.endpoints["worker_pids"][0], signal.SIGKILL)
    asset = await stack.wait(asset_id, within_s=300)
    await published_once(stack, asset)
    after = await until_chunks(stack, asset_id, 3)
    assert {chunk: after[chunk] for chunk in first} == first


async def until_chunks(stack: Stack, asset_id: str, count: int) -> dict[str, Any]:
    """When each chunk's other rungs were done, once `count` of them are."""
    connection = await asyncpg.connect(stack.endpoints["database_url"])
    try:
        async with asyncio.timeout(240):
            while True:
                rows = await connection.fetch(
                    "SELECT input ->> 'chunk' AS chunk, finished_at FROM steps"
                    " WHERE asset_id = $1 AND kind = 'encode' AND state = 'done'",
                    asset_id,
                )
                if len(rows) >= count:
                    return {row["chunk"]: row["finished_at"] for row in rows}
                await asyncio.sleep(0.1)
    finally:
        await connection.close()
