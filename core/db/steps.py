"""Steps: who works on what, fenced by leases. PostgreSQL decides; its clock is the only clock.

A step is inserted with the fact that needs it, claimed by one worker, kept by heartbeats and ended by a write that
carries its lease token. A worker that lost its lease writes nothing: `finish` and `release` raise LeaseLost.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.db import sql
from core.db.postgres import Connection, Pool
from core.errors import KadrError, LeaseLost
from core.model import AssetId, OwnerId, StepId, StepKind, StepState, new_id
from core.step_kinds import BEGIN_RUN, BLOCK_REPROCESS, SURVIVE_STOP, TRAITS
from core.storage.digest import digest

_SQL = sql.load("steps")
MAX_RETRIES = 5  # of one step on request: the same bytes cost as much each time
FIRST_EXPECTED_S = 1.0  # the cost of a step, before any of its owner and class has ended
MANY = 1_000_000
MAX_INTERRUPTIONS = 20  # lost leases, after which nobody claims a step again


class RetriesUsedUp(KadrError):
    """A step was queued again on request as often as it may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step this worker holds the lease of."""

    id: StepId
    asset_id: AssetId
    owner_id: OwnerId
    kind: StepKind
    input: dict[str, Any]
    lease_token: UUID
    expected_s: float  # its cost, as it was charged to its owner
    beside_others: bool  # another title of its owner was being worked on when it was claimed
    reclaimed: bool  # the lease of another worker had run out: that was killed, or cut off
    attempts: int
    interruptions: int
    crashes: int  # of its media program; the column hard_deaths
    postponements: int = 0  # for want of disk, memory or a service: no fault of the step
    trace: str | None = None  # core.telemetry.trace

    @property
    def run(self) -> str:
        """The run it belongs to, or begins."""
        run: str = self.input.get("run", self.id)
        return run


async def insert(
    connection: Connection,
    asset_id: AssetId,
    kind: StepKind,
    step_input: dict[str, Any],
    delay_s: float = 0.0,
    trace: str | None = None,
) -> StepId | None:
    """Queue a step, due after `delay_s`. None when the same step (asset, kind, input) is already there.

    `trace`: that of the step which queues it; None: that of the asset.
    """
    step: StepId | None = await connection.fetchval(
        _SQL["insert"], new_id("st"), asset_id, kind.value, digest(step_input), step_input, delay_s, trace
    )
    return step


async def cancel(connection: Connection, asset_id: AssetId) -> None:
    """End every step of a deleted asset; their workers lose the lease.

    To be called before the asset is locked: a worker that ends a step holds the step first, and then the asset. Steps
    that such a worker has queued meanwhile are ended, too.
    """
    while await connection.fetch(_SQL["cancel"], asset_id):
        pass


async def retry(connection: Connection, asset_id: AssetId) -> list[tuple[StepId, StepKind]]:
    """Queue again what was rejected or given up, of the newest run and of steps without one; what was queued.

    Raises RetriesUsedUp; then the transaction must be rolled back.
    """
    rows = await connection.fetch(_SQL["retry"], asset_id, names(BEGIN_RUN))
    if any(row["retries"] > MAX_RETRIES for row in rows):
        raise RetriesUsedUp
    return [(row["id"], StepKind(row["kind"])) for row in rows]


async def busy(connection: Connection, asset_id: AssetId, kinds: frozenset[StepKind] = BLOCK_REPROCESS) -> bool:
    """Whether a step of these kinds is queued or leased: one that a reprocess, or another source, has to wait for."""
    under_way: bool = await connection.fetchval(_SQL["busy"], asset_id, names(kinds))
    return under_way


async def claim(
    pool: Pool, kinds: frozenset[StepKind], worker: str, lease_s: float, most_per_owner: int = MANY
) -> Step | None:
    """The step of `kinds` whose turn it is, or whose lease ran out; None when there is none. All are of one class.

    Owners take turns: see the query. One that holds `most_per_owner` steps of these kinds on this worker gets no more.
    A step whose leases ran out MAX_INTERRUPTIONS times is not claimed again.
    """
    slots = TRAITS[min(kinds)].slots
    row = await pool.fetchrow(
        _SQL["claim"],
        *(names(kinds), lease_s, worker, MAX_INTERRUPTIONS),
        *(slots.value, most_per_owner, FIRST_EXPECTED_S),
    )
    if row is None:
        return None
    return Step(
        id=row["id"],
        asset_id=row["asset_id"],
        owner_id=row["owner_id"],
        kind=StepKind(row["kind"]),
        input=row["input"],
        lease_token=row["lease_token"],
        expected_s=row["expected_s"],
        beside_others=row["beside_others"],
        reclaimed=row["reclaimed"],
        attempts=row["attempts"],
        interruptions=row["interruptions"],
        crashes=row["hard_deaths"],
        postponements=row["postponements"],
        trace=row["trace"],
    )


async def settle_turn(pool: Pool, step: Step, cost_s: float, cpu_s: float) -> None:
    """Charge its owner what a step has really cost, in place of what was expected when it was claimed.

    `cpu_s`, the CPU time of its programs, is added to what its attempts have taken.
    """
    slots = TRAITS[step.kind].slots.value
    await pool.execute(_SQL["settle_turn"], step.owner_id, slots, step.expected_s, cost_s, step.id, cpu_s)


async def heartbeat(pool: Pool, step: Step, lease_s: float, progress: float) -> None:
    """Keep the lease for another `lease_s` and record `progress` (0..1, never goes back). Raises LeaseLost."""
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
    crash: bool = False,
) -> None:
    """End the step, inside the caller's transaction. Raises LeaseLost, which must roll that transaction back."""
    ended = await connection.fetchval(
        _SQL["finish"], step.id, step.lease_token, state.value, output, error, int(attempt), int(crash)
    )
    if ended is None:
        raise LeaseLost


async def release(
    pool: Pool,
    step: Step,
    *,
    error: dict[str, Any] | None = None,
    attempt: bool = False,
    crash: bool = False,
    postponed: bool = False,
    delay_s: float = 0.0,
) -> None:
    """Queue the step again. `attempt`: our failure; `postponed`: no fault of the step; otherwise an interruption.

    Raises LeaseLost.
    """
    released = await pool.fetchval(
        _SQL["release"],
        step.id,
        step.lease_token,
        error,
        int(attempt),
        int(not attempt and not postponed),
        int(crash),
        delay_s,
        int(postponed),
    )
    if released is None:
        raise LeaseLost


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """A step that is done, with what it was given and what it left for others."""

    kind: StepKind
    input: dict[str, Any]
    output: dict[str, Any]


async def done_of_run(
    connection: Connection | Pool, asset_id: AssetId, run: str, kinds: frozenset[StepKind]
) -> list[Done]:
    """The steps of these kinds that are done in one run."""
    rows = await connection.fetch(_SQL["done_of_run"], asset_id, run, names(kinds))
    return [Done(kind=StepKind(row["kind"]), input=row["input"], output=row["output"]) for row in rows]


async def lock_asset(connection: Connection, asset_id: AssetId) -> None:
    """Wait for other transactions that hold this lock on the asset, and hold it until this one ends."""
    await connection.execute(_SQL["lock_asset"], asset_id)


async def stop_run(connection: Connection, asset_id: AssetId, run: str) -> None:
    """Take the queued steps of a run out of the queue, but for those that tidy up."""
    await connection.execute(_SQL["stop_run"], asset_id, run, names(SURVIVE_STOP))


async def newest_output(connection: Connection | Pool, asset_id: AssetId, *kinds: StepKind) -> dict[str, Any] | None:
    """The output of the newest step of these kinds that is done; None where none is done."""
    output: dict[str, Any] | None = await connection.fetchval(_SQL["newest_output"], asset_id, names(kinds))
    return output


async def newest_input(connection: Connection | Pool, asset_id: AssetId, kind: StepKind) -> dict[str, Any] | None:
    """The input of the newest step of this kind that is done; None where none is done."""
    step_input: dict[str, Any] | None = await connection.fetchval(_SQL["newest_input"], asset_id, kind.value)
    return step_input


def names(kinds: Iterable[StepKind]) -> list[str]:
    """Kinds as the queries take them."""
    return sorted(kind.value for kind in kinds)
