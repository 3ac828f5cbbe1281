"""dub: the audio of another file -> one more audio rendition of a published title, exactly as long as the title."""

import asyncio

from core.db import tracks
from core.db.postgres import Connection
from core.errors import Rejected, Transient
from core.model import StepKind
from transcode.encode import renditions as transcoder
from transcode.plan.audio import dubbed
from transcode.probe.probe import probe_title
from workers import artifacts
from workers.engine.contract import ClaimedStep, Outcome, WorkerContext
from workers.step_context import StepContext
from workers.steps.fetch import fetch_file


async def dub(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Fetch the file of the track, encode its audio, and finish the track. Raises Rejected, shown at the track."""
    track = await tracks.by_id(worker.pool, claimed.step.input["track"])
    if track is None or track.wanted is None or not track.waits_for(claimed.step.input):
        return Outcome(output={"removed": True})
    published = await artifacts.load_newest_plan(worker, claimed.asset.id, StepKind.PUBLISH)
    if published is None:
        raise Transient("a dub for a title that is not published")
    scratch = worker.sources.scratch()
    try:
        await fetch_file(worker, claimed, track.wanted, scratch)
        probed = await probe_title(
            scratch,
            claimed.work_dir,
            worker.runner,
            max_pixels=worker.settings.max_pixels,
            max_duration_s=worker.settings.max_duration_s,
        )
        source = probed.source
        if not source.audio:
            raise Rejected("no_audio", "The file has no sound that can be decoded.", "Give a file with a sound track.")
        plan = dubbed(published, source, track.rendition_id, track.language)
        ffmpeg = StepContext(worker=worker, claimed=claimed).ffmpeg()
        files = await transcoder.encode_audio(plan, ffmpeg, probed.file, plan.audio[0])
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)
    await artifacts.store_pieces(worker, claimed.asset.id, files.encoded, files.pieces, claimed.progress)
    listing = await artifacts.store_encoded(worker, claimed.asset.id, files.encoded)

    async def on_commit(connection: Connection) -> None:
        await tracks.finish(connection, track, {"encoded": listing})

    return Outcome(output={"encoded": listing}, on_commit=on_commit)
