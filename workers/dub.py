"""dub: the sound of another file -> one more sound rendition of a title that is there, exactly as long as the title."""

import asyncio

from core import tracks
from core.db import Connection
from core.errors import Rejected, Transient
from core.model import StepKind
from transcode import encode as transcoder
from transcode.probe import probe
from transcode.sounds import dubbed
from workers import kept
from workers.encode import bench
from workers.fetch import fetched
from workers.stage import Assignment, Outcome, Tools


async def dub(tools: Tools, work: Assignment) -> Outcome:
    """Raises Rejected, which is told of the track."""
    track = await tracks.by_id(tools.pool, work.step.input["track"])
    if track is None or track.wanted is None or not track.waits_for(work.step.input):
        return Outcome(output={"removed": True})
    published = await kept.newest_plan(tools, work.asset.id, StepKind.PUBLISH)
    if published is None:
        raise Transient("a dub for a title that is not there")
    scratch = tools.sources.scratch()
    try:
        await fetched(tools, work, track.wanted, scratch)
        source, _ = await probe(
            scratch,
            work.work_dir,
            tools.runner,
            max_pixels=tools.settings.max_pixels,
            max_duration_s=tools.settings.max_duration_s,
        )
        if not source.audio:
            raise Rejected("no_audio", "The file has no sound that can be decoded.", "Give a file with a sound track.")
        plan = dubbed(published, source, track.rendition_id, track.language)
        made = await transcoder.encode_audio(plan, bench(tools, work), scratch, plan.audio[0])
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)
    await kept.keep_pieces(tools, work, made.pieces, work.progress)
    listing = await kept.keep_encoded(tools, work.asset.id, made.encoded)

    async def effect(connection: Connection) -> None:
        await tracks.finish(connection, track, {"encoded": listing})

    return Outcome(output={"encoded": listing}, effect=effect)
