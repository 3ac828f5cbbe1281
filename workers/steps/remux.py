"""remux: the upload's own video track as one complete rung, published at once as a provisional revision."""

from dataclasses import replace

from core.db import publication
from core.db.postgres import Connection
from core.errors import Rejected, ToolFailed
from core.model import StepKind
from core.sandbox import niceness
from core.telemetry.logs import Log
from packager import revision
from packager.encryption import Encryption, encryption_from_json
from transcode.encode import renditions as transcoder
from transcode.encode.fragments import WrongOutput
from transcode.plan import grid
from transcode.plan.build import on_regular_grid
from transcode.plan.encode_plan import EncodePlan
from transcode.plan.passthrough import SEGMENT_S
from workers import artifacts
from workers.engine.contract import ClaimedStep, NextStep, Outcome, WorkerContext
from workers.provisional_listing import provisional_id
from workers.step_context import StepContext
from workers.steps.first_rung import first_steps

_LOG = Log("remux")
SMALL_SHORT_SIDE = 360


async def remux(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Copy the video track into segments, cut at its own keyframes, and publish them.

    Where the track turns out to be unfit, the plan is changed to encode every rung, and a small rung goes first. Of an
    encrypted asset nothing is published yet.
    """
    context = StepContext(worker=worker, claimed=claimed)
    plan_sha256 = claimed.step.input["plan"]
    plan = await artifacts.load_plan(worker, claimed.asset.id, plan_sha256)
    index = await artifacts.load_index(worker, claimed.asset.id, claimed.step.input["index"])
    source = await context.local_source()
    keyframes = [gop.frame for gop in index.gops] if index else [0]
    cuts = grid.keyframe_cuts(keyframes, plan.frames, plan.frame_rate, SEGMENT_S)
    try:
        files = await transcoder.remux(plan, context.ffmpeg(niceness.INTERACTIVE), source, cuts=cuts)
    except (WrongOutput, Rejected, ToolFailed) as exc:
        return await _encode_instead(worker, claimed, plan, exc)
    outcome = replace(await context.store_encode(files), next_steps=(_analyse(claimed, plan_sha256),))
    if encryption_from_json(claimed.asset.options) is not Encryption.NONE:
        return outcome
    new = revision.build_revision(claimed.asset.id, files.encoded, provisional=provisional_id(plan))
    await artifacts.store_revision(worker, claimed.asset.id, new)

    async def publish(connection: Connection) -> None:
        await publication.publish_provisional(connection, claimed.asset.id, new.id, revision.summary(new.manifest))

    return replace(outcome, on_commit=publish)


async def _encode_instead(worker: WorkerContext, claimed: ClaimedStep, plan: EncodePlan, why: Exception) -> Outcome:
    """The steps of a title whose video track cannot be copied."""
    _LOG.warning("remux.unfit", step=claimed.step.id, error=str(why))
    small = next((rung.id for rung in plan.rungs if rung.short_side <= SMALL_SHORT_SIDE), plan.rungs[-1].id)
    plan = replace(on_regular_grid(plan), first_rung=small)
    plan_sha256 = await artifacts.store_plan(worker, claimed.asset.id, plan)
    kind, step_input = _analyse(claimed, plan_sha256)
    if encryption_from_json(claimed.asset.options) is Encryption.NONE:
        following: tuple[NextStep, ...] = first_steps(claimed.step.input["source"], plan_sha256, plan)
    else:
        following, step_input = (), {**step_input, "first": False}
    return Outcome(output={"unfit": str(why)}, next_steps=(*following, (kind, step_input)))


def _analyse(claimed: ClaimedStep, plan_sha256: str) -> NextStep:
    step_input = {"source": claimed.step.input["source"], "index": claimed.step.input["index"], "plan": plan_sha256}
    return StepKind.ANALYSE, step_input
