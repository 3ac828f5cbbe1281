"""encode: one chunk of the title -> its rungs in storage, without the one that went first."""

from transcode.encode import renditions as transcoder
from workers import artifacts
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.engine.memory_budget import encode_bytes
from workers.step_context import StepContext


async def encode(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Encode chunk `chunk` of the plan and store its segments; the output names their listing."""
    context = StepContext(worker=worker, claimed=claimed)
    plan = await artifacts.load_plan(worker, claimed.asset.id, claimed.step.input["plan"])
    rungs = tuple(rung for rung in plan.rungs if rung.id != plan.first_rung)
    source = await context.local_source()
    async with worker.memory.hold(encode_bytes(plan, rungs, context.source_pixels)):
        files = await transcoder.encode_video(
            plan,
            context.ffmpeg(),
            source,
            chunk=claimed.step.input["chunk"],
            rungs=rungs,
            watermark=await context.local_watermark(plan),
            on_progress=lambda share: claimed.progress(0.95 * share),
        )
        return await context.store_encode(files)
