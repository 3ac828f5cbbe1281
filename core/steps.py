"""Steps: who works on what, fenced by leases. PostgreSQL decides; its clock is the only clock.

A step is inserted with the fact that needs it, claimed by one worker, kept by heartbeats and ended by a write that
carries its lease token. A worker that lost its lease writes nothing: `finish` and `hand_back` raise LeaseLost.
"""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core import sql
from core.db import Connection, Pool
from core.digest import digest
from core.errors import LeaseLost
from core.model import AssetId, StepId, StepKind, StepState, new_id

_SQL = sql.load("steps")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step this worker holds the lease of."""

    id: StepId
    asset_id: AssetId
    kind: StepKind
    input: dict[str, Any]
    lease_token: UUID
    attempts: int
    interruptions: int
    hard_deaths: int


async def insert(
    connection: Connection, asset_id: AssetId, kind: StepKind, step_input: dict[str, Any], delay_s: float = 0.0
) -> StepId | None:
    """Owe a step, due after `delay_s`. None when the same step (asset, kind, input) is already there."""
    step: StepId | None = await connection.fetchval(
        _SQL["insert"], new_id("st"), asset_id, kind.value, digest(step_input), step_input, delay_s
    )
    return step


async def cancel(connection: Connection, asset_id: AssetId) -> None:
    """End every step of a deleted asset; their workers lose the lease."""
    await connection.execute(_SQL["cancel"], asset_id)


async def retry(connection: Connection, asset_id: AssetId) -> list[tuple[StepId, StepKind]]:
    """Queue again what was rejected or given up."""
    return [(row["id"], StepKind(row["kind"])) for row in await connection.fetch(_SQL["retry"], asset_id)]


async def busy(connection: Connection, asset_id: AssetId) -> bool:
    """Whether work on the asset is under way."""
    under_way: bool = await connection.fetchval(_SQL["busy"], asset_id)
    return under_way


async def claim(pool: Pool, kinds: frozenset[StepKind], worker: str, lease_s: float) -> Step | None:
    """The oldest step of `kinds` that is due, or whose lease ran out; None when there is none."""
    row = await pool.fetchrow(_SQL["claim"], sorted(kind.value for kind in kinds), lease_s, worker)
    if row is None:
        return None
    return Step(
        id=row["id"],
        asset_id=row["asset_id"],
        kind=StepKind(row["kind"]),
        input=row["input"],
        lease_token=row["lease_token"],
        attempts=row["attempts"],
        interruptions=row["interruptions"],
        hard_deaths=row["hard_deaths"],
    )


async def heartbeat(pool: Pool, step: Step, lease_s: float, progress: float) -> None:
    """Keep the lease for another `lease_s` and tell `progress` (0..1, never goes back). Raises LeaseLost."""
    if await pool.fetchval(_SQL["heartbeat"], step.id, step.lease_token, lease_s, progress) is None:
        raise LeaseLost


async def finish(
    connection: Connection,
    step: Step,
    state: StepState,
    *,
    output: dict[str, Any] | None = None,
    error: dict[str, Any] | None = None,
    attempt: bool = False,
    hard_death: bool = False,
) -> None:
    """End the step, inside the caller's transaction. Raises LeaseLost, which must roll that transaction back."""
    ended = await connection.fetchval(
        _SQL["finish"], step.id, step.lease_token, state.value, output, error, int(attempt), int(hard_death)
    )
    if ended is None:
        raise LeaseLost


async def hand_back(
    pool: Pool,
    step: Step,
    *,
    error: dict[str, Any] | None = None,
    attempt: bool = False,
    hard_death: bool = False,
    delay_s: float = 0.0,
) -> None:
    """Queue the step again. `attempt`: our failure; otherwise it counts as an interruption. Raises LeaseLost."""
    back = await pool.fetchval(
        _SQL["hand_back"],
        step.id,
        step.lease_token,
        error,
        int(attempt),
        int(not attempt),
        int(hard_death),
        delay_s,
    )
    if back is None:
        raise LeaseLost


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step that ended well."""

    kind: StepKind
    input: dict[str, Any]
    output: dict[str, Any]


async def done_of_run(
    connection: Connection | Pool, asset_id: AssetId, run: str, kinds: frozenset[StepKind]
) -> list[Done]:
    """The steps of these kinds that are done in one run."""
    rows = await connection.fetch(_SQL["done_of_run"], asset_id, run, sorted(kind.value for kind in kinds))
    return [Done(kind=StepKind(row["kind"]), input=row["input"], output=row["output"]) for row in rows]


async def lock_asset(connection: Connection, asset_id: AssetId) -> None:
    """Until the transaction ends, no other step of this asset passes here."""
    await connection.execute(_SQL["lock_asset"], asset_id)


async def stop_run(connection: Connection, asset_id: AssetId, run: str) -> None:
    """Take what still waits of a run out of the queue."""
    await connection.execute(_SQL["stop_run"], asset_id, run)


async def newest_output(connection: Connection | Pool, asset_id: AssetId, kind: StepKind) -> dict[str, Any] | None:
    """What the newest step of this kind that is done left for others; None where none is done."""
    output: dict[str, Any] | None = await connection.fetchval(_SQL["newest_output"], asset_id, kind.value)
    return output


async def newest_input(connection: Connection | Pool, asset_id: AssetId, kind: StepKind) -> dict[str, Any] | None:
    """What the newest step of this kind that is done was given; None where none is done."""
    step_input: dict[str, Any] | None = await connection.fetchval(_SQL["newest_input"], asset_id, kind.value)
    return step_input
