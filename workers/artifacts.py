"""What steps leave in storage: plans, keyframe indexes, listings of encodes, the media itself, and revisions of it.

Each is an object named by its own SHA-256, which is what steps hand on in their inputs and outputs. Only the manifest
of a revision is named by the revision's id.
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from core.concurrency import gather_bounded
from core.db import steps
from core.media.encoded import Encoded, encoded_from_json, encoded_to_json
from core.media.media_types import INIT_TYPE, SEGMENT_TYPE
from core.model import AssetId, RevisionId, StepKind
from core.storage import keys
from core.telemetry import metrics
from packager.revision import Manifest, Revision, manifest_from_bytes
from transcode.encode.cutters import ByteRange
from transcode.plan.encode_plan import EncodePlan, plan_from_json, plan_to_json
from transcode.probe.source import Index, index_from_json, index_to_json
from workers.engine.contract import WorkerContext

PARALLEL_PUTS = 8
JSON_TYPE = "application/json"


async def store_plan(worker: WorkerContext, asset_id: AssetId, plan: EncodePlan) -> str:
    """Store an encode plan as JSON; its SHA-256 in hex."""
    return await _store_json(worker, asset_id, plan_to_json(plan))


async def load_plan(worker: WorkerContext, asset_id: AssetId, sha256: str) -> EncodePlan:
    """The encode plan stored under this hash."""
    return plan_from_json(await _load_json(worker, asset_id, sha256))


async def load_newest_plan(worker: WorkerContext, asset_id: AssetId, kind: StepKind) -> EncodePlan | None:
    """The plan in the input of the newest step of this kind that is done; None where none is done."""
    step_input = await steps.newest_input(worker.pool, asset_id, kind)
    return None if step_input is None else await load_plan(worker, asset_id, step_input["plan"])


async def store_index(worker: WorkerContext, asset_id: AssetId, index: Index | None) -> str | None:
    """Store the index of a source's keyframes as JSON; its SHA-256 in hex, or None where there is no index."""
    return None if index is None else await _store_json(worker, asset_id, index_to_json(index))


async def load_index(worker: WorkerContext, asset_id: AssetId, sha256: str | None) -> Index | None:
    """The keyframe index stored under this hash; None for None."""
    return None if sha256 is None else index_from_json(await _load_json(worker, asset_id, sha256))


async def store_encoded(worker: WorkerContext, asset_id: AssetId, encoded: Encoded) -> str:
    """Store the listing of what an encode made as JSON; its SHA-256 in hex."""
    return await _store_json(worker, asset_id, encoded_to_json(encoded))


async def load_encoded(worker: WorkerContext, asset_id: AssetId, sha256: str) -> Encoded:
    """The listing of an encode stored under this hash."""
    return encoded_from_json(await _load_json(worker, asset_id, sha256))


async def store_revision(worker: WorkerContext, asset_id: AssetId, new: Revision) -> None:
    """Store the playlists of a revision whose media is stored already, and last the manifest that lists them."""
    bucket, storage = worker.settings.media_bucket, worker.storage
    types = {file.key: file.type for file in new.manifest.files.values()}
    for key, body in new.texts.items():
        await storage.put(bucket, key, body, types[key])
    await storage.put(bucket, keys.revision_manifest(asset_id, new.id), new.body, JSON_TYPE)


async def load_manifest(worker: WorkerContext, asset_id: AssetId, revision_id: RevisionId) -> Manifest:
    """The manifest of a stored revision."""
    body = await worker.storage.get(worker.settings.media_bucket, keys.revision_manifest(asset_id, revision_id))
    return manifest_from_bytes(body)


async def store_pieces(
    worker: WorkerContext,
    asset_id: AssetId,
    encoded: Encoded,
    pieces: Sequence[ByteRange],
    on_progress: Callable[[float], None] = lambda _: None,
) -> None:
    """Store init segments and media segments, of which `encoded` says which is which; progress is 0..1.

    Raises the first error as it is, once no other put is under way.
    """
    init_segments = {rendition.init.sha256 for rendition in encoded.renditions}
    stored = 0

    async def put(piece: ByteRange) -> None:
        nonlocal stored
        body = await asyncio.to_thread(_read, piece)
        content_type = INIT_TYPE if piece.blob.sha256 in init_segments else SEGMENT_TYPE
        await worker.artifacts.put(asset_id, body, content_type, sha256=piece.blob.sha256)
        stored += 1
        metrics.BYTES.labels("encoded").inc(piece.blob.size_bytes)
        on_progress(stored / len(pieces))

    await gather_bounded(put, pieces, limit=PARALLEL_PUTS)


def _read(piece: ByteRange) -> bytes:
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        return file.read(piece.blob.size_bytes)


async def _store_json(worker: WorkerContext, asset_id: AssetId, value: dict[str, Any]) -> str:
    body = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    return (await worker.artifacts.put(asset_id, body, JSON_TYPE)).sha256


async def _load_json(worker: WorkerContext, asset_id: AssetId, sha256: str) -> Any:
    return json.loads(await worker.artifacts.get(asset_id, sha256))
