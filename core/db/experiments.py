"""Poster experiments in PostgreSQL: switches, counts and results; one function per statement of experiments.sql.

Which candidate a viewer sees is decided in thumbnails.experiments.assignment. A person's choice of a poster suspends
the experiment for as long as it is set, and always wins.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from core.db import outbox, pictures, sql
from core.db.postgres import Connection, Pool
from core.event_types import PosterChanged
from core.model import AssetId, OwnerId, new_id

_SQL = sql.load("experiments")


class Event(StrEnum):
    """What happened to an impression: shown, clicked, or watched after the click."""

    SHOWN = "shown"
    CLICKED = "clicked"
    WATCHED = "watched"  # for at least 10 s after the click


class State(StrEnum):
    OFF = "off"
    WAITING = "waiting"  # for candidates, or for the first viewer
    SUSPENDED = "suspended"  # by a person's choice
    RUNNING = "running"
    STOPPED = "stopped"  # it has a winner, which everybody sees


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """One candidate of an experiment with its counts."""

    candidate: str
    share: float  # of the viewers of this batch, 0..1
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
    """What an experiment knows of its asset. `own_switch` None: the owner's switch for all assets applies."""

    asset_id: AssetId
    owner_id: OwnerId
    own_switch: bool | None
    on: bool
    held: bool  # a person has chosen a poster
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
        """Whether the asset's candidates have changed since the experiment began."""
        known = {arm.candidate for arm in self.experiment.arms} if self.experiment else set()
        return self.experiment is not None and known != set(self.candidates)

    @property
    def settled(self) -> bool:
        """False where an experiment can begin, or where a new album no longer has the winner first."""
        if self.state is State.STOPPED:
            return self.experiment is None or self.experiment.winner == self.candidates[0]
        return self.state is not State.WAITING or len(self.candidates) < 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One event of one impression, as it is logged."""

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
    """Like `of_asset`, after starting an experiment that can begin."""
    standing = await of_asset(pool, asset_id)
    if standing is None or standing.settled:
        return standing
    async with pool.acquire() as connection, connection.transaction():
        await settle(connection, standing)
    return await of_asset(pool, asset_id)


async def page(pool: Pool, owner_id: OwnerId, after: str | None, limit: int) -> list[Standing]:
    return [_standing(row) for row in await pool.fetch(_SQL["page"], owner_id, after, limit)]


async def wanted_by(pool: Pool, owner_id: OwnerId) -> bool:
    """The owner's switch for all assets without one of their own."""
    return bool(await pool.fetchval(_SQL["of_owner"], owner_id))


async def switch(connection: Connection, subject: AssetId | OwnerId, on: bool | None) -> None:
    """Set a switch; None removes it, so that the owner's applies. Experiments that are no longer wanted end."""
    if on is None:
        await connection.execute(_SQL["unswitch"], subject)
    else:
        await connection.execute(_SQL["switch"], subject, on)
    await connection.execute(_SQL["end_unwanted"], subject)


async def settle(connection: Connection, standing: Standing) -> None:
    """Start an experiment, or show the winner first again, in the caller's transaction. Safe to call concurrently."""
    if standing.state is State.STOPPED and standing.experiment is not None:
        await connection.execute(_SQL["show_first"], standing.asset_id, standing.experiment.winner)
        return
    await connection.execute(_SQL["end_outdated"], standing.asset_id)
    experiment_id = new_id("ex")
    candidates = await connection.fetchval(_SQL["begin"], standing.asset_id, experiment_id, secrets.token_bytes(32))
    if candidates is not None:
        await connection.execute(_SQL["add_arms"], experiment_id, candidates)


async def count(connection: Connection, seen: Iterable[Seen]) -> None:
    """Log and count events in the caller's transaction. Each event of an impression counts once."""
    columns = [list(column) for column in zip(*(astuple(one) for one in seen), strict=True)]
    if not columns:
        return
    await connection.execute(_SQL["locked"], sorted(set(columns[0])))
    new = await connection.fetch(_SQL["log"], *columns)
    if new:
        await connection.execute(_SQL["add_up"], *(list(column) for column in zip(*new, strict=True)))


async def due(connection: Connection, batch_s: float) -> Standing | None:
    """An experiment whose batch of `batch_s` seconds is over, locked for this transaction; None where there is none."""
    row = await connection.fetchrow(_SQL["due"], batch_s)
    return _standing(row) if row else None


async def next_batch(connection: Connection, experiment_id: str, shares: Sequence[float]) -> None:
    await connection.execute(_SQL["next_batch"], experiment_id, list(shares))


async def stop(connection: Connection, standing: Standing, experiment_id: str, winner: str) -> bool:
    """Stop the experiment and show its winner to everybody. False where a person has chosen meanwhile."""
    row = await connection.fetchrow(_SQL["show_first"], standing.asset_id, winner)
    if row is None:
        return False
    await connection.execute(_SQL["stop"], experiment_id, winner)
    poster = pictures.pictures(row).poster
    changed = PosterChanged(poster=poster.version if poster else None, experiment=experiment_id, winner=winner)
    await outbox.add(connection, standing.owner_id, standing.asset_id, changed)
    return True


async def sweep(pool: Pool) -> None:
    """Delete logged events older than 30 days; the counts stay."""
    await pool.execute(_SQL["sweep"])
