"""encode: source + plan -> segments in storage, named by their content, and one object that lists them."""

import asyncio
import hashlib
import json

from core import keys, metrics
from core.failpoint import failpoint
from core.media import encoded_to_json
from core.model import StepKind
from packager.revision import INIT_TYPE
from transcode.encode import encode as encode_file
from transcode.fmp4 import Piece
from transcode.plan import plan_from_json
from workers.probe import DAMAGED
from workers.stage import Assignment, Outcome, Tools

PARALLEL_PUTS = 8


async def encode(tools: Tools, work: Assignment) -> Outcome:
    settings = tools.settings
    file = await tools.sources.fetch(
        tools.storage, settings.media_bucket, work.asset.source_key or "", work.step.input["source"]
    )
    made = await encode_file(
        plan_from_json(work.step.input["plan"]),
        file,
        work.work_dir,
        tools.runner,
        tools.ffmpeg,
        lambda done: work.progress(0.95 * done),
    )
    failpoint(settings, "encode.before_upload")
    await _store(tools, work, made.pieces)
    failpoint(settings, "encode.after_upload")
    listing = json.dumps(encoded_to_json(made.encoded), sort_keys=True, separators=(",", ":")).encode()
    sha256 = hashlib.sha256(listing).hexdigest()
    await tools.storage.put(
        settings.media_bucket, keys.media_object(work.asset.id, sha256), listing, "application/json"
    )
    return Outcome(
        output={"encoded": sha256},
        warnings=(DAMAGED,) if made.damaged else (),
        then=((StepKind.PUBLISH, {"encoded": sha256}),),
    )


async def _store(tools: Tools, work: Assignment, pieces: tuple[Piece, ...]) -> None:
    """Put every piece under its own hash: a second writer of the same piece changes nothing."""
    slots = asyncio.Semaphore(PARALLEL_PUTS)
    stored = 0

    async def put(piece: Piece) -> None:
        nonlocal stored
        async with slots:
            body = await asyncio.to_thread(_read, piece)
            key = keys.media_object(work.asset.id, piece.blob.sha256)
            await tools.storage.put(tools.settings.media_bucket, key, body, INIT_TYPE)
        stored += 1
        metrics.BYTES.labels("encoded").inc(piece.blob.size_bytes)
        work.progress(0.95 + 0.05 * stored / len(pieces))

    async with asyncio.TaskGroup() as group:
        for piece in pieces:
            group.create_task(put(piece))


def _read(piece: Piece) -> bytes:
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        return file.read(piece.blob.size_bytes)
