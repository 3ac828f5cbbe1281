"""probe: the source object -> its exact facts and keyframes, or a rejection its owner can act on."""

import asyncio
import hashlib
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from core.db import assets, tracks
from core.db.postgres import Connection
from core.media import advice
from core.model import StepKind
from core.storage import keys
from transcode import warnings
from transcode.probe.probe import ProbeTakesLong, probe_title
from transcode.probe.source import Source, from_json, to_json
from workers import artifacts
from workers.engine.contract import ClaimedStep, NextStep, Outcome, WorkerContext
from workers.step_context import StepContext
from workers.steps import extract
from workers.steps.transcribe import insert_default_subtitles

_HANDED_ON = ("options", "again")  # by the probe of a reprocess to its plan


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stored:
    """A source object in the media bucket."""

    key: str
    sha256: str
    bytes: int


async def probe(worker: WorkerContext, claimed: ClaimedStep) -> Outcome:
    """Read the facts of the source and queue its plan. The output is {"index": hash of the keyframe index}.

    A file that takes long is left to a step in slots of its own: others are not to wait behind it. Where the times in
    the file are not in order a mended copy becomes the asset's source, which all other steps read; the upload is
    released, as a source that is replaced.
    """
    try:
        return await read_facts(worker, claimed, quick=True)
    except ProbeTakesLong:
        step_input = {"source": claimed.step.input["source"], **_handed_on(claimed)}
        return Outcome(output={"long": True}, next_steps=((StepKind.LONG_PROBE, step_input),))


async def read_facts(worker: WorkerContext, claimed: ClaimedStep, *, quick: bool) -> Outcome:
    """The outcome of a probe. Raises Rejected, and where it may be `quick` only, ProbeTakesLong.

    A reprocess has a source probed again that an earlier release has probed. What else is known of it still holds.
    """
    probed = await probe_title(
        await StepContext(worker=worker, claimed=claimed).local_source(),
        claimed.work_dir,
        worker.runner,
        max_pixels=worker.settings.max_pixels,
        max_duration_s=worker.settings.max_duration_s,
        quick=quick,
    )
    again = "again" in claimed.step.input
    source = _with_what_the_upload_told(probed.source, claimed.asset.source) if again else probed.source
    facts = to_json(source)
    index_sha256 = await artifacts.store_index(worker, claimed.asset.id, probed.index)
    copy = await store_copy(worker, claimed, probed.file) if probed.mended else None

    async def on_commit(connection: Connection) -> None:
        if copy is not None:
            await assets.accepted(connection, claimed.asset.id, copy.key, copy.sha256, copy.bytes)
        await assets.probed(connection, claimed.asset.id, facts)
        await assets.advise(connection, claimed.asset.id, advice.of_duration(source.duration_s))
        if again:
            return
        if not claimed.asset.has_ladder:
            await tracks.upload_replaced(connection, claimed.asset.id, by=claimed.step.id)
        await insert_default_subtitles(worker, connection, claimed.asset)

    sha256 = copy.sha256 if copy else claimed.step.input["source"]
    step_input = {"source": sha256, "facts": facts, "index": index_sha256, **_handed_on(claimed)}
    subtitles: tuple[NextStep, ...] = ((StepKind.EXTRACT, {"source": sha256}),) if again and copy else ()
    return Outcome(
        output={"index": index_sha256},
        on_commit=on_commit,
        warnings=(*warnings.of_source(source), *(extract.warned_before(claimed.asset) if again and not copy else ())),
        next_steps=((StepKind.PLAN, step_input), *subtitles),
    )


def _handed_on(claimed: ClaimedStep) -> dict[str, Any]:
    return {name: claimed.step.input[name] for name in _HANDED_ON if name in claimed.step.input}


def _with_what_the_upload_told(found: Source, before: dict[str, Any] | None) -> Source:
    """The facts of a source that was probed before; of a mended copy with what only the upload has shown."""
    told = from_json(before) if before else found
    if "times_mended" not in dict(told.warnings):
        return found
    return replace(
        found,
        damaged=found.damaged or told.damaged,
        unplayable_audio=told.unplayable_audio,
        warnings=tuple({**dict(told.warnings), **dict(found.warnings)}.items()),
    )


async def store_copy(worker: WorkerContext, claimed: ClaimedStep, file: Path) -> _Stored:
    """Store a mended copy as a source of the asset; it stays on this machine for the steps that follow."""
    scratch = worker.sources.scratch()
    try:
        stored = await asyncio.to_thread(_take, claimed, file, scratch)
        await worker.storage.put_file(worker.settings.media_bucket, stored.key, scratch)
        await worker.sources.keep(scratch, stored.sha256)
    finally:
        await asyncio.to_thread(scratch.unlink, missing_ok=True)
    return stored


def _take(claimed: ClaimedStep, file: Path, scratch: Path) -> _Stored:
    shutil.move(file, scratch)
    with scratch.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    return _Stored(key=keys.source(claimed.asset.id, sha256), sha256=sha256, bytes=scratch.stat().st_size)
