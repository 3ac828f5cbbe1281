"""Routes of poster experiments: their switches and results.

Experiments are off by default. An asset has a switch of its own; its owner has one for all assets without. A poster
that a person chose is always the one that is shown.
"""

import asyncio
from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from core.db import experiments
from core.db.experiments import Experiment, Standing, State
from core.model import AssetId
from ingest.assets import requested_asset
from ingest.bodies import text
from ingest.context import CONTEXT, answer, body_of, not_found, owner_of, query_of
from ingest.openapi import operation

routes = web.RouteTableDef()


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ExperimentSwitch(_Shape):
    """PUT /v1/assets/{asset_id}/poster/experiment; null: follow the account's switch."""

    on: bool | None = Field(description="true, false, or null to follow the account's switch")


class ExperimentsSwitch(_Shape):
    """PUT /v1/poster_experiments: the account's switch for all assets."""

    on: bool = Field(description="Whether experiments run on all assets without a switch of their own")


class ExperimentsQuery(_Shape):
    """GET /v1/poster_experiments: page of a list of experiments."""

    limit: int = Field(default=20, ge=1, le=100, description="Experiments per page")
    cursor: Annotated[str, text.ident("ex", "ex_01hv3k9x2m5q7r8t4w6y0z1abc")] | None = Field(
        default=None, description="`next_cursor` of the page before"
    )


class ArmShape(_Shape):
    """A reward is a click followed by at least 10 s of watching. `p_best`: probability of being the best candidate."""

    candidate: str = Field(description="Id of the candidate")
    impressions: int = Field(description="How often it was shown")
    clicks: int = Field(description="How often it was clicked")
    rewards: int = Field(description="Clicks followed by at least 10 s of watching")
    share: float | None = Field(description="Share of impressions it gets now")
    p_best: float = Field(description="Probability of being the best candidate")


class ExperimentShape(_Shape):
    """`own`: the asset's own switch, null to follow the account's. `winner`: shown to everybody once stopped."""

    asset_id: str = Field(description="The asset")
    on: bool = Field(description="Whether an experiment may run")
    own: bool | None = Field(description="The asset's own switch; null: the account's counts")
    state: State = Field(description="Where the experiment is")
    id: str | None = Field(description="Id of the experiment, ex_...; null without one")
    batch: int | None = Field(description="Number of the current batch")
    winner: str | None = Field(description="Candidate that everybody is shown once it has stopped")
    started_at: datetime | None = Field(description="When it started")
    stopped_at: datetime | None = Field(description="When it stopped")
    candidates: list[ArmShape] = Field(description="The candidates with their results")


class ExperimentsShape(_Shape):
    """The account's switch, and its running and stopped experiments, newest first."""

    on: bool = Field(description="The account's switch")
    experiments: list[ExperimentShape] = Field(description="A page of experiments, newest first")
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page; null on the last one")


@routes.get("/v1/assets/{asset_id}/poster/experiment")
@operation(ExperimentShape, errors=(404,))
async def show(request: web.Request) -> web.Response:
    """Show the state and results of an asset's poster experiment."""
    return await _answer(request, (await requested_asset(request)).id)


@routes.put("/v1/assets/{asset_id}/poster/experiment")
@operation(ExperimentShape, body=ExperimentSwitch, errors=(404,))
async def switch(request: web.Request) -> web.Response:
    """Switch an asset's poster experiment on or off. Switching it off and on starts a new one."""
    asset = await requested_asset(request)
    body = await body_of(request, ExperimentSwitch)
    async with request.app[CONTEXT].pool.acquire() as connection, connection.transaction():
        await experiments.switch(connection, asset.id, body.on)
    return await _answer(request, asset.id)


@routes.get("/v1/poster_experiments")
@operation(ExperimentsShape, query=ExperimentsQuery)
async def listed(request: web.Request) -> web.Response:
    """Show the account's switch and the poster experiments of all assets."""
    return await _all(request)


@routes.put("/v1/poster_experiments")
@operation(ExperimentsShape, body=ExperimentsSwitch)
async def switch_all(request: web.Request) -> web.Response:
    """Switch poster experiments on or off for all assets without a switch of their own, including future ones."""
    body = await body_of(request, ExperimentsSwitch)
    async with request.app[CONTEXT].pool.acquire() as connection, connection.transaction():
        await experiments.switch(connection, owner_of(request), body.on)
    return await _all(request)


async def _all(request: web.Request) -> web.Response:
    pool, owner = request.app[CONTEXT].pool, owner_of(request)
    query = query_of(request, ExperimentsQuery) if request.method == "GET" else ExperimentsQuery()
    standings = await experiments.page(pool, owner, query.cursor, query.limit + 1)
    last = standings[query.limit - 1].experiment if len(standings) > query.limit else None
    shape = ExperimentsShape(
        on=await experiments.wanted_by(pool, owner),
        experiments=await asyncio.to_thread(lambda: [_shown(one) for one in standings[: query.limit]]),
        next_cursor=last.id if last else None,
    )
    return answer(shape)


async def _answer(request: web.Request, asset_id: AssetId) -> web.Response:
    standing = await experiments.settled(request.app[CONTEXT].pool, asset_id)
    if standing is None:
        raise not_found("asset")
    return answer(await asyncio.to_thread(_shown, standing))


def _shown(standing: Standing) -> ExperimentShape:
    experiment = standing.experiment if standing.on else None
    return ExperimentShape(
        asset_id=standing.asset_id,
        on=standing.on,
        own=standing.own_switch,
        state=standing.state,
        id=experiment.id if experiment else None,
        batch=experiment.batch if experiment else None,
        winner=experiment.winner if experiment else None,
        started_at=experiment.started_at if experiment else None,
        stopped_at=experiment.over_at if experiment else None,
        candidates=_arms(experiment, running=standing.state is State.RUNNING) if experiment else [],
    )


def _arms(experiment: Experiment, *, running: bool) -> list[ArmShape]:
    from thumbnails.experiments.best_probability import p_best  # imports numpy (20 MB), so only when it is needed

    probabilities = p_best([arm.rewards for arm in experiment.arms], [arm.impressions for arm in experiment.arms])
    return [
        ArmShape(
            candidate=arm.candidate,
            impressions=arm.impressions,
            clicks=arm.clicks,
            rewards=arm.rewards,
            share=arm.share if running else None,
            p_best=p,
        )
        for arm, p in zip(experiment.arms, probabilities, strict=True)
    ]
