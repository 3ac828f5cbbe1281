"""first_rung: a chunk of the smallest useful rung, listed segment by segment as it is made; the next chunk follows."""

from core.model import StepKind
from core.sandbox import niceness
from transcode.encode import renditions as transcoder
from transcode.encode.renditions import EncodedFiles
from transcode.plan.encode_plan import EncodePlan
from workers import artifacts
from workers.engine.contract import ClaimedStep, NextStep, Outcome, WorkerContext
from workers.engine.memory_budget import encode_bytes
from workers.provisional_listing import ProvisionalListing
from workers.step_context import StepContext
from workers.steps import extract


def first_steps(source_sha256: str, plan_sha256: str, plan: EncodePlan) -> tuple[NextStep, ...]:
    """The steps that make something to watch: the first rung's first chunk, and the first audio track beside it."""
    common = {"source": source_sha256, "plan": plan_sha256}
    rung = (StepKind.FIRST_RUNG, {**common, "chunk": 0})
    return (rung, (StepKind.FIRST_SOUND, common)) if plan.audio else (rung,)


async def first_rung(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Encode chunk `chunk` of the first rung into the provisional revision; the output names its listing."""
    context = StepContext(worker=worker, claimed=claimed)
    plan = await artifacts.load_plan(worker, claimed.asset.id, claimed.step.input["plan"])
    rungs = tuple(rung for rung in plan.rungs if rung.id == plan.first_rung)
    chunk = claimed.step.input["chunk"]
    first_frame, _ = plan.chunk(chunk)
    source = await context.local_source()
    listing = ProvisionalListing(worker, claimed, plan, plan.cuts.index(first_frame))

    async def encode() -> EncodedFiles:
        async with worker.memory.hold(encode_bytes(plan, rungs, context.source_pixels)):
            return await transcoder.encode_video(
                plan,
                context.ffmpeg(niceness.INTERACTIVE),
                source,
                chunk=chunk,
                rungs=rungs,
                watermark=await context.local_watermark(plan),
                on_progress=claimed.progress,
                on_segments=listing.add,
            )

    files = await listing.list_while(encode())
    last = chunk + 1 == len(plan.chunks)
    following: tuple[NextStep, ...] = ()
    if not last:
        following = ((StepKind.FIRST_RUNG, {**claimed.step.input, "chunk": chunk + 1}),)
    if chunk == 0:
        following += await extract.steps_of_upload(worker, claimed)
    return Outcome(
        output={"encoded": await artifacts.store_encoded(worker, claimed.asset.id, files.encoded)},
        on_commit=listing.end(rungs[0].id) if last else None,
        next_steps=following,
        encoded_s=files.encoded.total_s,
    )
