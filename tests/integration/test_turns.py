"""Whose turn it is, on a real PostgreSQL: owners share each class of slots by their weights, whatever they queue."""

import asyncio
import random
from collections import Counter

import pytest

from core.db import steps
from core.db.postgres import Pool
from core.db.steps import Step
from core.model import OwnerId, StepKind, StepState
from core.step_kinds import SlotClass
from tests.database import new_asset, new_owner

LIGHT = SlotClass.LIGHT.kinds


async def queue(pool: Pool, owner: OwnerId, count: int, kind: StepKind = StepKind.PROBE) -> None:
    asset_id = await new_asset(pool, owner)
    async with pool.acquire() as connection:
        for _ in range(count):
            await steps.insert(connection, asset_id, kind, {"number": random.getrandbits(64)})


async def claim(pool: Pool, *, worker: str = "test", most: int = steps.MANY, lease_s: float = 30) -> Step:
    step = await steps.claim(pool, LIGHT, worker, lease_s, most)
    assert step is not None
    return step


async def finish(pool: Pool, step: Step, cost_s: float) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await steps.finish(connection, step, StepState.DONE, output={})
    await steps.settle_turn(pool, step, cost_s, cost_s)


async def shares(pool: Pool, claims: int, cost_s: float = 1.0) -> Counter[OwnerId]:
    """How many of the next claims each owner gets."""
    got: Counter[OwnerId] = Counter()
    for _ in range(claims):
        step = await claim(pool)
        got[step.owner_id] += 1
        await finish(pool, step, cost_s)
    return got


async def test_one_step_behind_fifty_of_another_owner_is_next(pool: Pool) -> None:
    many, one = await new_owner(pool, "many"), await new_owner(pool, "one")
    await queue(pool, many, 50)
    assert [(await claim(pool)).owner_id for _ in range(5)] == [many] * 5
    await queue(pool, one, 1)
    assert (await claim(pool)).owner_id == one
    assert (await claim(pool)).owner_id == many


async def test_shares_are_those_of_the_weights_and_not_of_the_queues(pool: Pool) -> None:
    owners = [await new_owner(pool, name, weight) for name, weight in (("a", 1), ("b", 1), ("c", 3))]
    for owner, count in zip(owners, (200, 15, 60), strict=True):
        await queue(pool, owner, count)
    assert await shares(pool, 60) == {owners[0]: 12, owners[1]: 12, owners[2]: 36}


async def test_who_was_idle_has_saved_up_nothing(pool: Pool) -> None:
    """And who worked alone meanwhile owes nothing for it."""
    busy, idle = await new_owner(pool, "busy"), await new_owner(pool, "idle")
    await queue(pool, idle, 1)
    await shares(pool, 1)
    await queue(pool, busy, 100)
    await shares(pool, 60, cost_s=20.0)
    await queue(pool, idle, 40)
    got = await shares(pool, 20, cost_s=20.0)
    assert abs(got[busy] - got[idle]) <= 2


async def test_a_class_of_steps_costs_nothing_in_another(pool: Pool) -> None:
    """An hour of transcription does not put its owner's next upload behind everybody else's."""
    speaker, other = await new_owner(pool, "speaker"), await new_owner(pool, "other")
    await queue(pool, speaker, 1, StepKind.TRANSCRIBE)
    long = await steps.claim(pool, frozenset({StepKind.TRANSCRIBE}), "test", 30)
    assert long is not None
    await finish(pool, long, 3600.0)
    await queue(pool, other, 20)
    await queue(pool, speaker, 20)
    assert await shares(pool, 10) == {speaker: 5, other: 5}


async def test_what_a_step_costs_is_corrected_when_it_ends(pool: Pool) -> None:
    """Ten seconds each against one: ten times as many of the cheap ones."""
    dear, cheap = await new_owner(pool, "dear"), await new_owner(pool, "cheap")
    for owner in (dear, cheap):
        await queue(pool, owner, 150)
    got: Counter[OwnerId] = Counter()
    for _ in range(110):
        step = await claim(pool)
        got[step.owner_id] += 1
        await finish(pool, step, 10.0 if step.owner_id == dear else 1.0)
    assert got[dear] == pytest.approx(10, abs=2)


@pytest.mark.parametrize("seed", range(4))
async def test_nobody_who_waits_is_left_behind(pool: Pool, seed: int) -> None:
    """Any arrivals, weights and costs: two owners that both have work all the time differ by two steps at most.

    That is the bound of stride scheduling: after any number of claims the service / weight of two owners that were both
    backlogged is no further apart than one dearest step of each, and as much again for costs that are learnt late.
    """
    chance = random.Random(seed)
    weights = {await new_owner(pool, f"o{n}", weight): weight for n, weight in enumerate((1.0, 1.0, 2.0, 4.0))}
    owners = list(weights)
    dearest = 5.0
    for owner in owners[:2]:  # these two have something to do all the time
        await queue(pool, owner, 80)
    got: dict[OwnerId, float] = dict.fromkeys(owners, 0.0)
    running: list[Step] = []
    furthest = 0.0
    for _ in range(80):
        if chance.random() < 0.2:
            await queue(pool, chance.choice(owners[2:]), chance.randint(1, 6))
        if len(running) == 3:
            step = running.pop(chance.randrange(3))
            cost_s = chance.uniform(0.1, dearest)
            got[step.owner_id] += cost_s
            await finish(pool, step, cost_s)
        running.append(await claim(pool))
        served = [got[owner] / weights[owner] for owner in owners[:2]]
        furthest = max(furthest, abs(served[0] - served[1]))
    assert 0 < furthest <= 2 * 2 * dearest
    assert min(got[owner] for owner in owners[:2]) > 0


async def test_an_owner_gets_no_more_slots_of_a_worker_than_it_may(pool: Pool) -> None:
    greedy, other = await new_owner(pool, "greedy"), await new_owner(pool, "other")
    await queue(pool, greedy, 10)
    assert [(await claim(pool, most=2)).owner_id for _ in range(2)] == [greedy, greedy]
    assert await steps.claim(pool, LIGHT, "test", 30, 2) is None
    assert (await claim(pool, worker="another", most=2)).owner_id == greedy
    await queue(pool, other, 1)
    assert (await claim(pool, most=2)).owner_id == other


async def test_claimers_at_once_take_every_step_once(pool: Pool) -> None:
    owners = [await new_owner(pool, f"o{n}") for n in range(5)]
    for owner in owners:
        await queue(pool, owner, 6)
    claimed = await asyncio.gather(*(steps.claim(pool, LIGHT, f"w{n}", 30) for n in range(30)))
    assert len({step.id for step in claimed if step}) == 30
    assert Counter(step.owner_id for step in claimed if step) == dict.fromkeys(owners, 6)


async def test_an_interrupted_step_keeps_its_place(pool: Pool) -> None:
    owner = await new_owner(pool, "one")
    await queue(pool, owner, 3)
    first = await claim(pool)
    await steps.release(pool, first)
    assert (await claim(pool)).id == first.id


async def test_it_says_whether_its_owner_has_another_title_under_way(pool: Pool) -> None:
    owner = await new_owner(pool, "one")
    await queue(pool, owner, 2)
    first, second = await claim(pool), await claim(pool)
    assert (first.beside_others, second.beside_others) == (False, False)  # of one title
    await queue(pool, owner, 1)
    assert (await claim(pool)).beside_others


async def test_steps_of_programs_that_know_no_owners_have_them(pool: Pool) -> None:
    """Programs of the release before go on while the database is migrated already."""
    owner = await new_owner(pool, "one")
    asset_id = await new_asset(pool, owner)
    await pool.execute(
        "INSERT INTO steps (id, asset_id, kind, input_hash, input) VALUES ('st_old', $1, 'probe', 'h', '{}')", asset_id
    )
    assert (await claim(pool)).owner_id == owner
