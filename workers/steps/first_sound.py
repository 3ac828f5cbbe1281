"""first_sound: the title's first audio track beside the first rung, listed segment by segment as it is made."""

from core.sandbox import niceness
from transcode.encode import renditions as transcoder
from workers import artifacts
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.provisional_listing import ProvisionalListing
from workers.step_context import StepContext


async def first_sound(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Encode the track at its own loudness, which is measured only later; no part of what is published in the end."""
    context = StepContext(worker=worker, claimed=claimed)
    plan = await artifacts.load_plan(worker, claimed.asset.id, claimed.step.input["plan"])
    track = plan.audio[0]
    source = await context.local_source()
    listing = ProvisionalListing(worker, claimed, plan, 0)
    files = await listing.list_while(
        transcoder.encode_audio(
            plan, context.ffmpeg(niceness.INTERACTIVE), source, track, level=False, on_segments=listing.add
        )
    )
    return Outcome(
        output={"encoded": await artifacts.store_encoded(worker, claimed.asset.id, files.encoded)},
        on_commit=listing.end(track.id),
        encoded_s=files.encoded.total_s,
    )
