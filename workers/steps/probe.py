"""probe: the source object -> its exact facts and keyframes, or a rejection its owner can act on."""

from core.db import assets
from core.db.postgres import Connection
from core.model import StepKind
from transcode.probe.probe import ProbeTakesLong
from transcode.probe.probe import probe as probe_file
from transcode.probe.source import Source, to_json
from workers import artifacts
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.step_context import SOURCE_DAMAGED, StepContext
from workers.steps.transcribe import insert_default_subtitles

NO_AUDIO = ("no_audio", "The video has no sound.")


async def probe(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Read the facts of the source and queue its plan. The output is {"index": hash of the keyframe index}.

    A file that takes long is left to a step in slots of its own: others are not to wait behind it.
    """
    try:
        return await read_facts(worker, claimed, quick=True)
    except ProbeTakesLong:
        step_input = {"source": claimed.step.input["source"]}
        return Outcome(output={"long": True}, next_steps=((StepKind.LONG_PROBE, step_input),))


async def read_facts(worker: WorkerContext, claimed: ClaimedStep, *, quick: bool) -> Outcome:
    """The outcome of a probe. Raises Rejected, and where it may be `quick` only, ProbeTakesLong."""
    source, index = await probe_file(
        await StepContext(worker=worker, claimed=claimed).local_source(),
        claimed.work_dir,
        worker.runner,
        max_pixels=worker.settings.max_pixels,
        max_duration_s=worker.settings.max_duration_s,
        quick=quick,
    )
    facts = to_json(source)
    index_sha256 = await artifacts.store_index(worker, claimed.asset.id, index)

    async def on_commit(connection: Connection) -> None:
        await assets.probed(connection, claimed.asset.id, facts)
        await insert_default_subtitles(worker, connection, claimed.asset)

    step_input = {"source": claimed.step.input["source"], "facts": facts, "index": index_sha256}
    return Outcome(
        output={"index": index_sha256},
        on_commit=on_commit,
        warnings=_warnings(source),
        next_steps=((StepKind.PLAN, step_input),),
    )


def _warnings(source: Source) -> tuple[tuple[str, str], ...]:
    """(code, message) of what was survived: damage, and audio that is missing or cannot be decoded."""
    warnings = [SOURCE_DAMAGED] if source.damaged else []
    if source.unplayable_audio:
        message = f"A sound track is left out: nothing here decodes {', '.join(source.unplayable_audio)}."
        warnings.append(("audio_unsupported", message))
    elif not source.audio:
        warnings.append(NO_AUDIO)
    return tuple(warnings)
