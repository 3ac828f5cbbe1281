"""sound: one audio track of the whole title -> one rendition in storage, at the loudness all titles have."""

from dataclasses import replace

from core.db import assets
from core.db.postgres import Connection
from core.errors import OutOfMemory, Rejected, ToolFailed
from core.media import advice
from core.telemetry.logs import Log
from transcode import warnings
from transcode.encode import renditions as transcoder
from transcode.encode.fragments import WrongOutput
from transcode.plan.encode_plan import AudioPlan, EncodePlan
from workers import artifacts
from workers.engine import failures
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.step_context import StepContext

_LOG = Log("sound")


async def sound(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Encode the audio track that the input names by its id in the plan (`sound`); the output names its listing.

    A track that cannot be encoded is left out of a title with video, with a warning: {"left_out": its id}.
    """
    context = StepContext(worker=worker, claimed=claimed)
    plan = await artifacts.load_plan(worker, claimed.asset.id, claimed.step.input["plan"])
    track = next(entry for entry in plan.audio if entry.id == claimed.step.input["sound"])
    source = await context.local_source()
    try:
        files = await transcoder.encode_audio(plan, context.ffmpeg(), source, track)
    except OutOfMemory as exc:
        if plan.video is None or claimed.step.postponements < failures.MAX_POSTPONEMENTS:
            raise
        return _left_out(claimed, plan, track, exc)
    except (Rejected, ToolFailed, WrongOutput) as exc:
        # Once more before it is given up: the program, and not the track, may have been at fault.
        is_first_try = claimed.step.attempts + claimed.step.crashes == 0
        if plan.video is None or (is_first_try and not isinstance(exc, Rejected)):
            raise
        return _left_out(claimed, plan, track, exc)
    outcome = await context.store_encode(files)
    if files.sound is None or track is not plan.audio[0]:  # one that few viewers choose is not advised about
        return outcome
    judged = advice.of_sound(files.sound, spoken=claimed.asset.language is not None)

    async def on_commit(connection: Connection) -> None:
        await assets.advise(connection, claimed.asset.id, judged)

    return replace(outcome, on_commit=on_commit)


def _left_out(claimed: ClaimedStep, plan: EncodePlan, track: AudioPlan, why: Exception) -> Outcome:
    _LOG.warning("sound.left_out", step=claimed.step.id, error=str(why)[:400])
    return Outcome(output={"left_out": track.id}, warnings=(warnings.audio_left_out(plan, track),))
