"""Steps and leases on a real PostgreSQL: one effect per step, whatever happens to its workers."""

import asyncio
from dataclasses import replace
from uuid import uuid4

import pytest

from core.db import assets, postgres, steps
from core.db.postgres import Pool
from core.db.steps import Step
from core.errors import LeaseLost
from core.model import AssetId, StepKind, StepState
from tests.database import OWNER, new_asset, until_waiting

LIGHT = frozenset({StepKind.ACCEPT, StepKind.PROBE, StepKind.PLAN, StepKind.PUBLISH})
LEASE_S = 30.0


async def owe(pool: Pool, asset_id: AssetId, kind: StepKind = StepKind.PROBE, **step_input: object) -> str | None:
    async with pool.acquire() as connection:
        return await steps.insert(connection, asset_id, kind, step_input)


async def claim(pool: Pool, lease_s: float = LEASE_S) -> Step | None:
    return await steps.claim(pool, LIGHT, "test", lease_s)


async def finish(pool: Pool, step: Step) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await steps.finish(connection, step, StepState.DONE, output={})


async def column(pool: Pool, step: Step, name: str) -> object:
    return await pool.fetchval(f"SELECT {name} FROM steps WHERE id = $1", step.id)


async def test_the_same_input_is_one_step(pool: Pool) -> None:
    asset_id = await new_asset(pool)
    made = await asyncio.gather(*(owe(pool, asset_id, source="a") for _ in range(10)))
    assert sum(step is not None for step in made) == 1
    assert await owe(pool, asset_id, source="b") is not None


async def test_twenty_claimers_share_ten_steps_without_a_double(pool: Pool) -> None:
    asset_id = await new_asset(pool)
    for number in range(10):
        await owe(pool, asset_id, number=number)
    claimed = [step for step in await asyncio.gather(*(claim(pool) for _ in range(20))) if step]
    assert len(claimed) == 10
    assert len({step.id for step in claimed}) == 10


async def test_a_worker_claims_only_its_kinds(pool: Pool) -> None:
    await owe(pool, await new_asset(pool), StepKind.ENCODE)
    assert await claim(pool) is None


async def test_a_lease_that_ran_out_goes_to_another_and_the_zombie_writes_nothing(pool: Pool) -> None:
    await owe(pool, await new_asset(pool))
    zombie = await claim(pool, lease_s=-1)
    heir = await claim(pool)
    assert zombie is not None
    assert heir is not None
    assert (heir.id, heir.interruptions, heir.attempts) == (zombie.id, 1, 0)
    assert (zombie.reclaimed, heir.reclaimed) == (False, True)
    with pytest.raises(LeaseLost):
        await steps.heartbeat(pool, zombie, LEASE_S, 0.9)
    with pytest.raises(LeaseLost):
        await finish(pool, zombie)
    with pytest.raises(LeaseLost):
        await steps.release(pool, zombie)
    assert await column(pool, heir, "state") == "leased"
    assert await column(pool, heir, "progress") == 0
    await finish(pool, heir)
    assert await column(pool, heir, "state") == "done"


async def test_what_a_lost_lease_wrote_in_its_transaction_is_rolled_back(pool: Pool) -> None:
    asset_id = await new_asset(pool)
    await owe(pool, asset_id)
    zombie = await claim(pool, lease_s=-1)
    assert zombie is not None
    await claim(pool)
    with pytest.raises(LeaseLost):
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("UPDATE assets SET title = 'zombie' WHERE id = $1", asset_id)
            await steps.finish(connection, zombie, StepState.DONE, output={})
    assert await pool.fetchval("SELECT title FROM assets WHERE id = $1", asset_id) == "a"


async def test_heartbeats_keep_the_lease_and_progress_never_goes_back(pool: Pool) -> None:
    await owe(pool, await new_asset(pool))
    step = await claim(pool, lease_s=-1)
    assert step is not None
    await steps.heartbeat(pool, step, LEASE_S, 0.5)
    await steps.heartbeat(pool, step, LEASE_S, 0.25)
    assert await claim(pool) is None
    assert await column(pool, step, "progress") == 0.5


@pytest.mark.parametrize(("attempt", "counted"), [(True, (1, 0)), (False, (0, 1))])
async def test_failures_of_ours_and_interruptions_are_counted_apart(
    pool: Pool, attempt: bool, counted: tuple[int, int]
) -> None:
    await owe(pool, await new_asset(pool))
    step = await claim(pool)
    assert step is not None
    await steps.release(pool, step, attempt=attempt)
    again = await claim(pool)
    assert again is not None
    assert (again.attempts, again.interruptions) == counted
    assert not again.reclaimed, "a worker that leaves hands its steps back, which is no lost lease"
    assert again.lease_token != step.lease_token


async def test_a_delayed_step_is_not_claimed_before_its_time(pool: Pool) -> None:
    await owe(pool, await new_asset(pool))
    step = await claim(pool)
    assert step is not None
    await steps.release(pool, step, attempt=True, delay_s=3600)
    assert await claim(pool) is None


async def test_a_step_ends_once(pool: Pool) -> None:
    await owe(pool, await new_asset(pool))
    step = await claim(pool)
    assert step is not None
    ends = await asyncio.gather(*(finish(pool, step) for _ in range(8)), return_exceptions=True)
    assert sum(end is None for end in ends) == 1
    assert all(end is None or isinstance(end, LeaseLost) for end in ends)
    with pytest.raises(LeaseLost):
        await finish(pool, replace(step, lease_token=uuid4()))


async def test_migrating_again_or_at_once_applies_nothing_twice(pool: Pool) -> None:
    assert await asyncio.gather(*(postgres.migrate(pool) for _ in range(4))) == [[], [], [], []]


async def test_a_delete_waits_for_a_step_that_ends_and_not_the_other_way_round(pool: Pool) -> None:
    """Each held what the other one waited for; PostgreSQL ended one of them, and the owner was told to try again."""
    asset_id = await new_asset(pool)
    sibling = await owe(pool, asset_id, StepKind.ENCODE, run="r", chunk=0)  # comes first in the delete, too
    await owe(pool, asset_id, StepKind.SOUND, run="r")
    ending = await steps.claim(pool, frozenset({StepKind.SOUND}), "test", LEASE_S)
    assert ending is not None

    async def delete() -> bool:
        async with pool.acquire() as connection, connection.transaction():
            return await assets.delete(connection, asset_id, OWNER)

    async with pool.acquire() as connection, connection.transaction():
        await steps.finish(connection, ending, StepState.DONE, output={})
        deleting = asyncio.create_task(delete())
        await until_waiting(pool)
        await steps.stop_run(connection, asset_id, "r")
        await steps.lock_asset(connection, asset_id)
        following = await steps.insert(connection, asset_id, StepKind.PUBLISH, {"run": "r"})
    assert await deleting
    now = {row["id"]: row["state"] for row in await pool.fetch("SELECT id, state FROM steps")}
    assert following is not None
    assert (now[ending.id], now[sibling], now[following]) == ("done", "dead", "dead")
