"""What is shown while the ladder is made.

remux: the upload's own picture track as one complete rung. first_rung, first_sound: one small rung, a chunk after the
other, and the sound, listed segment by segment as they are made.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from core import assets, growing, keys
from core.db import Connection
from core.growing import Facts
from core.logs import Log
from core.media import Rendition
from core.model import RevisionId, StepKind
from packager import revision
from packager.encryption import Encryption
from transcode import encode as transcoder
from transcode import grid
from transcode.boxes import WrongOutput
from transcode.cut import ByteRange
from transcode.encode import EncodedFiles
from transcode.encode_plan import EncodePlan
from transcode.passthrough import SEGMENT_S
from transcode.plan import on_regular_grid
from workers import encrypt, kept
from workers.budget import encode_bytes
from workers.encode import bench, local_source, source_pixels, stored, watermark
from workers.stage import Assignment, Outcome, Then, Tools

_LOG = Log("first")
NICE = 0  # somebody waits


def first_steps(source: str, planned: str, plan: EncodePlan) -> tuple[Then, ...]:
    """The small rung of chunk 0, and the sound beside it."""
    common = {"source": source, "plan": planned}
    rung = (StepKind.FIRST_RUNG, {**common, "chunk": 0})
    return (rung, (StepKind.FIRST_SOUND, common)) if plan.audio else (rung,)


def provisional_id(plan: EncodePlan) -> RevisionId:
    """Named by the plan: its bytes are not known yet."""
    return RevisionId(plan.digest()[:20])


async def remux(tools: Tools, work: Assignment) -> Outcome:
    """Publish the upload's own picture track. Where it turns out not to be fit, the small rung goes first instead."""
    source_sha, planned = work.step.input["source"], work.step.input["plan"]
    plan = await kept.plan(tools, work.asset.id, planned)
    index = await kept.index(tools, work.asset.id, work.step.input["index"])
    source = await local_source(tools, work)
    keyframes = [gop.frame for gop in index.gops] if index else [0]
    cuts = grid.keyframe_cuts(keyframes, plan.frames, plan.frame_rate, SEGMENT_S)
    common = {"source": source_sha, "index": work.step.input["index"]}
    clear = encrypt.wanted(work.asset) is Encryption.NONE
    try:
        made = await transcoder.remux(plan, bench(tools, work, NICE), source, cuts=cuts)
    except WrongOutput as exc:
        _LOG.warning("remux.unfit", step=work.step.id, error=str(exc))
        small = next((rung.id for rung in plan.rungs if rung.short_side <= 360), plan.rungs[-1].id)
        plan = replace(on_regular_grid(plan), first_rung=small)
        planned = await kept.keep_plan(tools, work.asset.id, plan)
        analyse = (StepKind.ANALYSE, {**common, "plan": planned})
        then = (*first_steps(source_sha, planned, plan), analyse) if clear else (_alone(analyse),)
        return Outcome(output={"unfit": str(exc)}, then=then)
    outcome = await stored(tools, work, made)
    analyse = (StepKind.ANALYSE, {**common, "plan": planned})
    if not clear:  # it is a part of what is published encrypted, and nothing before
        return replace(outcome, then=(analyse,))
    new = revision.build_revision(work.asset.id, made.encoded, provisional=provisional_id(plan))
    await put_revision(tools, work, new)

    async def effect(connection: Connection) -> None:
        await assets.publish_provisional(connection, work.asset.id, new.id, revision.summary(new.manifest))

    return replace(outcome, effect=effect, then=(analyse,))


def _alone(analyse: Then) -> Then:
    """The analysis of a title of which no rung went first."""
    kind, given = analyse
    return kind, {**given, "first": False}


async def put_revision(tools: Tools, work: Assignment, new: revision.Revision) -> None:
    """Media lies there already; now the playlists, and the manifest after them."""
    bucket, storage = tools.settings.media_bucket, tools.storage
    types = {file.key: file.type for file in new.manifest.files.values()}
    for key, body in new.texts.items():
        await storage.put(bucket, key, body, types[key])
    key = keys.revision_manifest(work.asset.id, new.id)
    await storage.put(bucket, key, new.body, "application/json")


async def first_rung(tools: Tools, work: Assignment) -> Outcome:
    """One chunk of the small rung; the next one follows."""
    plan = await kept.plan(tools, work.asset.id, work.step.input["plan"])
    rungs = tuple(rung for rung in plan.rungs if rung.id == plan.first_rung)
    chunk = work.step.input["chunk"]
    first, _ = plan.chunk(chunk)
    source = await local_source(tools, work)
    listing = _Listing(tools, work, plan, plan.cuts.index(first))

    async def run() -> EncodedFiles:
        async with tools.memory.hold(encode_bytes(plan, rungs, source_pixels(work))):
            return await transcoder.encode_video(
                plan,
                bench(tools, work, NICE),
                source,
                chunk=chunk,
                rungs=rungs,
                watermark=await watermark(tools, work, plan),
                on_progress=work.progress,
                on_segments=listing.add,
            )

    made = await listing.beside(run())
    last = chunk + 1 == len(plan.chunks)
    after: tuple[Then, ...] = () if last else ((StepKind.FIRST_RUNG, {**work.step.input, "chunk": chunk + 1}),)
    outcome = await _listed(tools, work, made)
    return replace(outcome, part=True, then=after, effect=listing.ended(rungs[0].id) if last else None)


async def first_sound(tools: Tools, work: Assignment) -> Outcome:
    """The first sound track as it is, segment by segment: how loud it should be is measured later."""
    plan = await kept.plan(tools, work.asset.id, work.step.input["plan"])
    wanted = plan.audio[0]
    source = await local_source(tools, work)
    listing = _Listing(tools, work, plan, 0)
    made = await listing.beside(
        transcoder.encode_audio(plan, bench(tools, work, NICE), source, wanted, level=False, on_segments=listing.add)
    )
    return replace(await _listed(tools, work, made), effect=listing.ended(wanted.id))


async def _listed(tools: Tools, work: Assignment, made: EncodedFiles) -> Outcome:
    """Its pieces are in storage already."""
    return Outcome(output={"encoded": await kept.keep_encoded(tools, work.asset.id, made.encoded)})


class _Listing:
    """Stores segments and lists them in the provisional revision while the run that makes them goes on."""

    def __init__(self, tools: Tools, work: Assignment, plan: EncodePlan, first_number: int) -> None:
        self._tools = tools
        self._work = work
        self._number = first_number
        self._revision = provisional_id(plan)
        self._queue: asyncio.Queue[tuple[Rendition, list[ByteRange]] | None] = asyncio.Queue()
        self._stored: set[str] = set()
        seconds = max(end - start for start, end in zip(plan.cuts, [*plan.cuts[1:], plan.frames], strict=True))
        self._facts = Facts(
            target_s=max(1, round(seconds / plan.frame_rate)),
            duration_s=plan.duration_s,
            awaited=tuple(filter(None, (plan.first_rung, plan.audio[0].id if plan.audio else None))),
        )

    def add(self, rendition: Rendition, pieces: list[ByteRange]) -> None:
        """These segments are whole."""
        self._queue.put_nowait((rendition, pieces))

    async def beside(self, run: Awaitable[EncodedFiles]) -> EncodedFiles:
        """The run, with everything it adds listed before this returns."""
        lister = asyncio.ensure_future(self._list())
        try:
            made = await run
            self._queue.put_nowait(None)
            await lister
        finally:
            lister.cancel()
            await asyncio.wait({lister})
        if not self._stored:  # frames that were copied are there all at once
            await self._append(made.encoded.renditions[0], list(made.pieces))
        return made

    async def _list(self) -> None:
        while (entry := await self._queue.get()) is not None:
            await self._append(*entry)

    async def _append(self, rendition: Rendition, pieces: list[ByteRange]) -> None:
        new = [piece for piece in pieces if piece.blob.sha256 not in self._stored]
        await kept.keep_pieces(self._tools, self._work, new)
        self._stored |= {piece.blob.sha256 for piece in new}
        await growing.append(self._tools.pool, self._work.step, self._revision, self._facts, rendition, self._number)
        self._number += len(rendition.segments)

    def ended(self, rendition: str) -> Callable[[Connection], Awaitable[None]]:
        """The effect that ends it."""

        async def effect(connection: Connection) -> None:
            await growing.end(connection, self._work.asset.id, self._revision, rendition)

        return effect
