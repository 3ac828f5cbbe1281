"""What one step leaves in storage for the next: plans, indexes and listings, each named by its own hash; and pieces."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Any

from core import keys, metrics, steps
from core.media import Encoded, encoded_from_json, encoded_to_json
from core.model import AssetId, StepKind
from packager.revision import INIT_TYPE
from transcode.cut import ByteRange
from transcode.encode_plan import EncodePlan, plan_from_json, plan_to_json
from transcode.source import Index, index_from_json, index_to_json
from workers.stage import Assignment, Tools

PARALLEL_PUTS = 8


async def _keep(tools: Tools, asset_id: AssetId, value: dict[str, Any]) -> str:
    body = json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
    sha256 = hashlib.sha256(body).hexdigest()
    await tools.storage.put(tools.settings.media_bucket, keys.media_object(asset_id, sha256), body, "application/json")
    return sha256


async def _kept(tools: Tools, asset_id: AssetId, sha256: str) -> Any:
    return json.loads(await tools.storage.get(tools.settings.media_bucket, keys.media_object(asset_id, sha256)))


async def keep_plan(tools: Tools, asset_id: AssetId, plan: EncodePlan) -> str:
    return await _keep(tools, asset_id, plan_to_json(plan))


async def plan(tools: Tools, asset_id: AssetId, sha256: str) -> EncodePlan:
    return plan_from_json(await _kept(tools, asset_id, sha256))


async def newest_plan(tools: Tools, asset_id: AssetId, kind: StepKind) -> EncodePlan | None:
    """The plan of the newest step of this kind that is done."""
    given = await steps.newest_input(tools.pool, asset_id, kind)
    return None if given is None else await plan(tools, asset_id, given["plan"])


async def keep_index(tools: Tools, asset_id: AssetId, index: Index | None) -> str | None:
    return None if index is None else await _keep(tools, asset_id, index_to_json(index))


async def index(tools: Tools, asset_id: AssetId, sha256: str | None) -> Index | None:
    return None if sha256 is None else index_from_json(await _kept(tools, asset_id, sha256))


async def keep_encoded(tools: Tools, asset_id: AssetId, encoded: Encoded) -> str:
    return await _keep(tools, asset_id, encoded_to_json(encoded))


async def encoded(tools: Tools, asset_id: AssetId, sha256: str) -> Encoded:
    return encoded_from_json(await _kept(tools, asset_id, sha256))


async def keep_pieces(
    tools: Tools, work: Assignment, pieces: Sequence[ByteRange], on_progress: Callable[[float], None] = lambda _: None
) -> None:
    """Put every piece under its own hash: a second writer of the same piece changes nothing."""
    slots = asyncio.Semaphore(PARALLEL_PUTS)
    stored = 0

    async def put(piece: ByteRange) -> None:
        nonlocal stored
        async with slots:
            body = await asyncio.to_thread(_read, piece)
            key = keys.media_object(work.asset.id, piece.blob.sha256)
            await tools.storage.put(tools.settings.media_bucket, key, body, INIT_TYPE)
        stored += 1
        metrics.BYTES.labels("encoded").inc(piece.blob.size_bytes)
        on_progress(stored / len(pieces))

    async with asyncio.TaskGroup() as group:
        for piece in pieces:
            group.create_task(put(piece))


def _read(piece: ByteRange) -> bytes:
    with piece.path.open("rb") as file:
        file.seek(piece.offset)
        return file.read(piece.blob.size_bytes)
