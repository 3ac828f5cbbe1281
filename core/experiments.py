"""Experiments on posters in PostgreSQL: who wants them, what was counted, what came of them.

One function per statement of experiments.sql. Nothing here decides what is shown to whom: the doors ask
thumbnails.clicks. A person's choice of a poster suspends an experiment for as long as it stands, and always wins.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core import outbox, pictures, sql
from core.db import Connection, Pool
from core.model import AssetId, OwnerId, new_id

_SQL = sql.load("experiments")


class Event(StrEnum):
    """What became of an impression."""

    SHOWN = "shown"
    CLICKED = "clicked"
    WATCHED = "watched"  # long enough


class State(StrEnum):
    OFF = "off"
    WAITING = "waiting"  # for pictures, or for a viewer
    SUSPENDED = "suspended"  # a person chose
    RUNNING = "running"
    STOPPED = "stopped"  # it has a winner, which is shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One candidate, and what was counted of it."""

    candidate: str
    share: float  # of the viewers of this batch
    impressions: int = 0
    clicks: int = 0
    rewards: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Experiment:
    """A row of poster_experiments with its arms. `winner` is None while it runs."""

    id: str
    batch: int
    salt: bytes
    arms: tuple[Arm, ...]
    winner: str | None
    started_at: datetime
    over_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An asset as its experiment sees it. `own_switch` None: as its owner says for all."""

    asset_id: AssetId
    owner_id: OwnerId
    own_switch: bool | None
    on: bool
    held: bool  # by the choice of a person
    candidates: tuple[str, ...]
    experiment: Experiment | None

    @property
    def state(self) -> State:
        if not self.on:
            return State.OFF
        if self.held:
            return State.SUSPENDED
        if self.experiment is None or self.outdated:
            return State.WAITING
        return State.RUNNING if self.experiment.winner is None else State.STOPPED

    @property
    def outdated(self) -> bool:
        """Other candidates were found since it began."""
        known = {arm.candidate for arm in self.experiment.arms} if self.experiment else set()
        return self.experiment is not None and known != set(self.candidates)

    @property
    def settled(self) -> bool:
        """False where an experiment can begin, or the album was kept anew and the winner is not its first any more."""
        if self.state is State.STOPPED:
            return self.experiment is None or self.experiment.winner == self.candidates[0]
        return self.state is not State.WAITING or len(self.candidates) < 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One event of one impression, as the log keeps it."""

    experiment_id: str
    impression: str
    event: Event
    candidate: str
    batch: int
    propensity: float


def _standing(row: Any) -> Standing:
    return Standing(
        asset_id=AssetId(row["asset_id"]),
        owner_id=OwnerId(row["owner_id"]),
        own_switch=row["own_switch"],
        on=row["is_on"],
        held=row["held"],
        candidates=tuple(row["candidates"]),
        experiment=_experiment(row) if row["id"] is not None else None,
    )


def _experiment(row: Any) -> Experiment:
    arms = []
    for candidate, share in zip(row["arms"], row["shares"], strict=True):
        impressions, clicks, rewards = row["counted"][candidate]
        arms.append(Arm(candidate=candidate, share=share, impressions=impressions, clicks=clicks, rewards=rewards))
    return Experiment(
        id=row["id"],
        batch=row["batch"],
        salt=row["salt"],
        arms=tuple(arms),
        winner=row["winner"],
        started_at=row["created_at"],
        over_at=row["over_at"],
    )


async def of_asset(pool: Pool, asset_id: AssetId) -> Standing | None:
    row = await pool.fetchrow(_SQL["of_asset"], asset_id)
    return _standing(row) if row else None


async def settled(pool: Pool, asset_id: AssetId) -> Standing | None:
    """The same, and what can begin has begun."""
    standing = await of_asset(pool, asset_id)
    if standing is None or standing.settled:
        return standing
    async with pool.acquire() as connection, connection.transaction():
        await settle(connection, standing)
    return await of_asset(pool, asset_id)


async def page(pool: Pool, owner_id: OwnerId, after: str | None, limit: int) -> list[Standing]:
    return [_standing(row) for row in await pool.fetch(_SQL["page"], owner_id, after, limit)]


async def wanted_by(pool: Pool, owner_id: OwnerId) -> bool:
    """Whether an owner wants them for all assets that do not say otherwise."""
    return bool(await pool.fetchval(_SQL["of_owner"], owner_id))


async def switch(connection: Connection, subject: AssetId | OwnerId, on: bool | None) -> None:
    """None: an asset as its owner says. What nobody wants any more ends."""
    if on is None:
        await connection.execute(_SQL["unswitch"], subject)
    else:
        await connection.execute(_SQL["switch"], subject, on)
    await connection.execute(_SQL["end_unwanted"], subject)


async def settle(connection: Connection, standing: Standing) -> None:
    """In a transaction. Nothing happens where there is nothing to begin with; many may ask at once."""
    if standing.state is State.STOPPED and standing.experiment is not None:
        await connection.execute(_SQL["show_first"], standing.asset_id, standing.experiment.winner)
        return
    await connection.execute(_SQL["end_outdated"], standing.asset_id)
    experiment_id = new_id("ex")
    candidates = await connection.fetchval(_SQL["begin"], standing.asset_id, experiment_id, secrets.token_bytes(32))
    if candidates is not None:
        await connection.execute(_SQL["add_arms"], experiment_id, candidates)


async def count(connection: Connection, seen: Iterable[Seen]) -> None:
    """In a transaction. Each event of an impression counts once, however often and through whomever it comes."""
    columns = [list(column) for column in zip(*(astuple(one) for one in seen), strict=True)]
    if not columns:
        return
    await connection.execute(_SQL["locked"], sorted(set(columns[0])))
    new = await connection.fetch(_SQL["log"], *columns)
    if new:
        await connection.execute(_SQL["add_up"], *(list(column) for column in zip(*new, strict=True)))


async def due(connection: Connection, batch_s: float) -> Standing | None:
    """One whose batch is over, locked for this transaction; None where there is nothing to do."""
    row = await connection.fetchrow(_SQL["due"], batch_s)
    return _standing(row) if row else None


async def next_batch(connection: Connection, experiment_id: str, shares: Sequence[float]) -> None:
    await connection.execute(_SQL["next_batch"], experiment_id, list(shares))


async def stop(connection: Connection, standing: Standing, experiment_id: str, winner: str) -> bool:
    """The winner is shown to everybody from now on, and the owner is told. False where a person was quicker."""
    row = await connection.fetchrow(_SQL["show_first"], standing.asset_id, winner)
    if row is None:
        return False
    await connection.execute(_SQL["stop"], experiment_id, winner)
    poster = pictures.pictures(row).poster
    said = {"poster": poster.version if poster else None, "experiment": experiment_id, "winner": winner}
    await outbox.add(connection, standing.owner_id, pictures.CHANGED, standing.asset_id, said)
    return True


async def sweep(pool: Pool) -> None:
    """Forget what is older than 30 days; what was counted stays counted."""
    await pool.execute(_SQL["sweep"])
