"""sound: one audio track of the whole title -> one rendition in storage, at the loudness all titles have."""

from transcode.encode import renditions as transcoder
from workers import artifacts
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.step_context import StepContext


async def sound(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Encode the audio track that the input names by its id in the plan (`sound`); the output names its listing."""
    context = StepContext(worker=worker, claimed=claimed)
    plan = await artifacts.load_plan(worker, claimed.asset.id, claimed.step.input["plan"])
    track = next(entry for entry in plan.audio if entry.id == claimed.step.input["sound"])
    source = await context.local_source()
    return await context.store_encode(await transcoder.encode_audio(plan, context.ffmpeg(), source, track))
