"""encode: one chunk of the title -> its rungs in storage. sound: the whole title's sound."""

import os
from pathlib import Path

from core import keys
from core.failpoint import failpoint
from transcode import encode as transcoder
from transcode.encode import EncodedFiles
from transcode.encode_plan import EncodePlan
from transcode.run import FfmpegContext
from workers import kept
from workers.budget import encode_bytes
from workers.probe import DAMAGED
from workers.stage import Assignment, Outcome, Tools


async def encode(tools: Tools, work: Assignment) -> Outcome:
    """The rungs of a chunk that did not go first."""
    plan = await kept.plan(tools, work.asset.id, work.step.input["plan"])
    rungs = tuple(rung for rung in plan.rungs if rung.id != plan.first_rung)
    source = await local_source(tools, work)
    async with tools.memory.hold(encode_bytes(plan, rungs, source_pixels(work))):
        made = await transcoder.encode_video(
            plan,
            bench(tools, work),
            source,
            chunk=work.step.input["chunk"],
            rungs=rungs,
            watermark=await watermark(tools, work, plan),
            on_progress=lambda done: work.progress(0.95 * done),
        )
        return await stored(tools, work, made)


async def sound(tools: Tools, work: Assignment) -> Outcome:
    """One sound rendition, as loud as its neighbours."""
    plan = await kept.plan(tools, work.asset.id, work.step.input["plan"])
    wanted = next(entry for entry in plan.audio if entry.id == work.step.input["sound"])
    source = await local_source(tools, work)
    return await stored(tools, work, await transcoder.encode_audio(plan, bench(tools, work), source, wanted))


async def stored(tools: Tools, work: Assignment, made: EncodedFiles) -> Outcome:
    """Everything that was made, in storage, and a listing of it; the outcome of a part of the title."""
    failpoint(tools.settings, "encode.before_upload")
    await kept.keep_pieces(tools, work, made.pieces, lambda done: work.progress(0.95 + 0.05 * done))
    failpoint(tools.settings, "encode.after_upload")
    listing = await kept.keep_encoded(tools, work.asset.id, made.encoded)
    return Outcome(output={"encoded": listing}, warnings=(DAMAGED,) if made.damaged else (), part=True)


def bench(tools: Tools, work: Assignment, nice: int = 5) -> FfmpegContext:
    """Where this step's runs work. Encodes at once share the cores."""
    slots = tools.settings.heavy_slots
    threads = max(1, len(os.sched_getaffinity(0)) // slots) if slots > 1 else None
    return FfmpegContext(work_dir=work.work_dir, runner=tools.runner, binary=tools.ffmpeg, nice=nice, threads=threads)


async def local_source(tools: Tools, work: Assignment) -> Path:
    """The upload on this machine."""
    return await tools.sources.fetch(
        tools.storage, tools.settings.media_bucket, work.asset.source_key or "", work.step.input["source"]
    )


async def watermark(tools: Tools, work: Assignment, plan: EncodePlan) -> Path | None:
    """The owner's image on this machine, where the plan wants one."""
    if plan.video is None or plan.video.watermark is None:
        return None
    sha256 = plan.video.watermark.sha256
    key = keys.media_object(work.asset.id, sha256)
    return await tools.sources.fetch(tools.storage, tools.settings.media_bucket, key, sha256)


def source_pixels(work: Assignment) -> int:
    """Of a decoded frame."""
    video = (work.asset.source or {}).get("video")
    return video["width"] * video["height"] if video else 0
