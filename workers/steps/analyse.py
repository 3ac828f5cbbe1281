"""analyse: measure the title once, choose its ladder, and queue its encode: audio, then chunks, the longest first."""

from dataclasses import replace

from core.db import assets
from core.db.postgres import Connection
from core.errors import Rejected, ToolFailed
from core.model import StepKind
from core.storage.digest import digest
from core.telemetry.logs import Log
from transcode.encode import verify
from transcode.encode.fragments import WrongOutput
from transcode.encode.renditions import chunk_duration_s
from transcode.pertitle import analyse as analyser
from transcode.pertitle.analyse import Analysis
from transcode.pertitle.settle import apply_analysis
from transcode.plan.build import on_regular_grid
from transcode.plan.encode_plan import EncodePlan
from transcode.probe.source import from_json
from workers import artifacts
from workers.engine.contract import ClaimedStep, NextStep, Outcome, WorkerContext
from workers.engine.memory_budget import encode_bytes
from workers.step_context import StepContext
from workers.steps import extract, pictures

_LOG = Log("analyse")
NOT_MEASURED = ("not_measured", "The title could not be measured: it has the usual qualities, not its own.")


async def analyse(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Settle the plan and queue every part of the encode.

    The output is {"plan": hash of the settled plan, "parts": how many steps of each kind publish waits for}. What was
    measured of the same source in the same way before is not measured again.
    """
    step_input = claimed.step.input
    plan = await artifacts.load_plan(worker, claimed.asset.id, step_input["plan"])
    if not step_input.get("first", True):
        plan = replace(plan, first_rung=None)
    plan = await _without_what_does_not_decode(worker, claimed, plan)
    on_commit = None
    warnings: tuple[tuple[str, str], ...] = ()
    if plan.smart:
        source_sha256, key = step_input["source"], digest([analyser.VERSION, plan.digest(), worker.ffmpeg_version])
        kept = await assets.analysis(worker.pool, source_sha256, key)
        analysis = analyser.from_json(kept) if kept else await _measured(worker, claimed, plan)
        if analysis.failed:
            warnings = (NOT_MEASURED,)
        elif kept is None:

            async def on_commit(connection: Connection) -> None:
                await assets.keep_analysis(connection, source_sha256, key, analyser.to_json(analysis))

        plan = apply_analysis(plan, analysis)
    plan_sha256 = await artifacts.store_plan(worker, claimed.asset.id, plan)
    encode_steps = _encode_steps(step_input["source"], plan_sha256, plan)
    extras = pictures.steps_of_upload(plan, plan_sha256, step_input["source"], claimed.asset)
    if plan.first_rung is None:  # else the first rung queues it, once there is something to watch
        extras += await extract.steps_of_upload(worker, claimed)
    parts = {
        StepKind.REMUX.value: int(plan.passthrough is not None and plan.passthrough.lasting),
        StepKind.FIRST_RUNG.value: len(plan.chunks) if plan.first_rung else 0,
        StepKind.ENCODE.value: sum(kind is StepKind.ENCODE for kind, _ in encode_steps),
        StepKind.SOUND.value: len(plan.audio),
    }
    return Outcome(
        output={"plan": plan_sha256, "parts": parts},
        on_commit=on_commit,
        warnings=warnings,
        next_steps=(*encode_steps, *extras),
    )


async def _measured(worker: WorkerContext, claimed: ClaimedStep, plan: EncodePlan) -> Analysis:
    context = StepContext(worker=worker, claimed=claimed)
    source = await context.local_source()
    index = await artifacts.load_index(worker, claimed.asset.id, claimed.step.input["index"])
    async with worker.memory.hold(encode_bytes(plan, plan.rungs[:1], context.source_pixels)):
        return await analyser.analyse(
            plan,
            source,
            from_json(claimed.asset.source or {}),
            index,
            claimed.work_dir,
            worker.runner,
            worker.ffmpeg,
            claimed.progress,
        )


async def _without_what_does_not_decode(worker: WorkerContext, claimed: ClaimedStep, plan: EncodePlan) -> EncodePlan:
    """The plan without the upload's own track, where that was to be kept and does not decode from end to end.

    The remux has decoded a short one already; of a long one a person would have waited for that.
    """
    if plan.passthrough is None or not plan.passthrough.lasting or plan.duration_s <= verify.WHOLE_S:
        return plan
    context = StepContext(worker=worker, claimed=claimed)
    try:
        await verify.whole_track(context.ffmpeg(), plan, await context.local_source())
    except (WrongOutput, Rejected, ToolFailed) as exc:
        _LOG.warning("analyse.track_unfit", step=claimed.step.id, error=str(exc))
        return on_regular_grid(plan)
    return plan


def _encode_steps(source_sha256: str, plan_sha256: str, plan: EncodePlan) -> tuple[NextStep, ...]:
    """What is to be encoded, in the order in which it should begin."""
    common = {"source": source_sha256, "plan": plan_sha256}
    rest = [rung for rung in plan.rungs if rung.id != plan.first_rung]
    chunks = sorted(range(len(plan.chunks)), key=lambda number: -chunk_duration_s(plan, number)) if rest else []
    return (
        *((StepKind.SOUND, {**common, "sound": sound.id}) for sound in plan.audio),
        *((StepKind.ENCODE, {**common, "chunk": number}) for number in chunks),
    )
