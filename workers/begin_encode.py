"""The common end of plan and reframe: a decided encode -> its plan in storage and the steps that begin it."""

from dataclasses import dataclass

from core.media.crop import CropPath
from core.model import StepKind
from packager.encryption import Encryption, encryption_from_json
from transcode.plan.build import build_plan
from transcode.plan.encode_plan import EncodePlan, Options
from transcode.plan.options import options_from_json
from transcode.probe.source import Index, Source, from_json
from workers import artifacts
from workers.engine.contract import ClaimedStep, NextStep, Outcome, WorkerContext
from workers.steps.first_rung import first_steps
from workers.steps.transcribe import steps_beside_encode


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInput:
    """What an encode is decided by: the source's facts, its keyframes, and the owner's options."""

    source: Source
    index: Index | None
    options: Options

    def decide(self, crop: CropPath | None = None) -> EncodePlan:
        """The encode plan. `crop`: where the upright window of a wide video is; without it, in the middle."""
        return build_plan(self.source, self.index, self.options, crop)


async def plan_input(worker: WorkerContext, claimed: ClaimedStep) -> PlanInput:
    """The input of a plan or reframe step; its own options (of a reprocess) go before those of the asset."""
    step_input = claimed.step.input
    return PlanInput(
        source=from_json(step_input["facts"]),
        index=await artifacts.load_index(worker, claimed.asset.id, step_input.get("index")),
        options=options_from_json({**claimed.asset.options, **step_input.get("options", {})}),
    )


async def begin_encode(worker: WorkerContext, claimed: ClaimedStep, plan: EncodePlan) -> Outcome:
    """Store the plan and queue the first steps of the encode.

    Where nothing of the asset is published yet, something to watch goes first, and the analysis after or beside it; but
    nothing of an encrypted asset, whose segments nobody is to have in the clear.
    """
    step_input = claimed.step.input
    plan_sha256 = await artifacts.store_plan(worker, claimed.asset.id, plan)
    common = {"source": step_input["source"], "plan": plan_sha256}
    with_index = {**common, "index": step_input.get("index")}
    in_the_clear = encryption_from_json(claimed.asset.options) is Encryption.NONE
    if plan.passthrough:
        # Whether the track can be copied decides where every rendition is cut, and is known in a moment.
        following: tuple[NextStep, ...] = ((StepKind.REMUX, with_index),)
    elif claimed.asset.revision_id is None and plan.first_rung and in_the_clear:
        following = (*first_steps(step_input["source"], plan_sha256, plan), (StepKind.ANALYSE, with_index))
    else:
        following = ((StepKind.ANALYSE, {**with_index, "first": False}),)
    captions = await steps_beside_encode(worker, claimed, plan_sha256)
    return Outcome(output={"plan": plan_sha256}, next_steps=(*following, *captions))
