"""Uploads: create, show what has arrived, complete."""

from pathlib import PurePosixPath
from typing import Any

from aiohttp import web

from core import assets, keys, playback, steps, uploads
from core.assets import NewAsset
from core.hints import Hints
from core.model import AssetId, StepKind, UploadId, UploadStatus, new_id
from core.problems import Problem
from core.uploads import Upload
from ingest.context import CONTEXT, Context, answer, body_of, not_found, owner_of
from ingest.schemas import NewUpload

routes = web.RouteTableDef()


@routes.post("/v1/uploads")
async def create(request: web.Request) -> web.Response:
    """Reserve an asset and answer one presigned PUT per part."""
    context, owner = request.app[CONTEXT], owner_of(request)
    wanted = await body_of(request, NewUpload)
    settings = context.settings
    if wanted.size_bytes == 0:
        raise Problem(422, "not_media", "The file is empty.", hint="Choose another file.", pointer="/size_bytes")
    if wanted.size_bytes > settings.max_upload_bytes:
        raise Problem(
            422,
            "too_large",
            f"The file has {wanted.size_bytes} bytes; at most {settings.max_upload_bytes} are taken.",
            hint="Export it at a lower bit rate, or cut it.",
            pointer="/size_bytes",
        )
    upload_id, asset_id = UploadId(new_id("up")), AssetId(new_id("as"))
    async with context.pool.acquire() as connection, connection.transaction():
        await assets.insert(
            connection,
            NewAsset(
                id=asset_id,
                owner_id=owner,
                title=wanted.title or PurePosixPath(wanted.filename).stem or wanted.filename,
                ref_type=wanted.ref.type if wanted.ref else None,
                ref_id=wanted.ref.id if wanted.ref else None,
                policy=wanted.policy,
                language=wanted.language,
            ),
        )
        await playback.insert(connection, asset_id, wanted.policy)
        await uploads.insert(
            connection,
            upload_id=upload_id,
            owner_id=owner,
            asset_id=asset_id,
            filename=wanted.filename,
            content_type=wanted.content_type,
            size_bytes=wanted.size_bytes,
            part_size_bytes=uploads.part_size(wanted.size_bytes, settings.part_size_bytes),
            sha256=wanted.sha256,
            ttl_s=settings.upload_ttl_s,
        )
    upload = await _upload(context, upload_id, request)
    return answer(await _shown(context, upload, arrived={}), status=201)


@routes.get("/v1/uploads/{upload_id}")
async def show(request: web.Request) -> web.Response:
    """Which parts have arrived, and fresh URLs for the rest."""
    context = request.app[CONTEXT]
    upload = await _upload(context, request.match_info["upload_id"], request)
    arrived = await _arrived(context, upload) if upload.status is UploadStatus.OPEN else {}
    return answer(await _shown(context, upload, arrived))


@routes.post("/v1/uploads/{upload_id}/complete")
async def complete(request: web.Request) -> web.Response:
    """Check that every part is there and owe the accept step. Idempotent; from the 202 on nothing is lost."""
    context = request.app[CONTEXT]
    upload = await _upload(context, request.match_info["upload_id"], request)
    if upload.status is UploadStatus.OPEN:
        _check_parts(upload, await _arrived(context, upload))
        await _close(context, upload, context.hints)
    elif upload.status is not UploadStatus.COMPLETED:
        raise Problem(409, f"upload_{upload.status}", f"The upload is {upload.status}.", hint="Start a new upload.")
    done = await _upload(context, upload.id, request)
    return answer(await _shown(context, done, arrived={}), status=202)


async def _close(context: Context, upload: Upload, hints: Hints) -> None:
    """One transaction: the upload is complete, the asset is on its way, the accept step is owed."""
    async with context.pool.acquire() as connection, connection.transaction():
        if not await uploads.complete(connection, upload.id):
            return  # another call was quicker
        await assets.uploaded(connection, upload.asset_id)
        step = await steps.insert(connection, upload.asset_id, StepKind.ACCEPT, {"upload_id": upload.id})
    if step:
        await hints.send(step, StepKind.ACCEPT)


async def _upload(context: Context, upload_id: str, request: web.Request) -> Upload:
    upload = await uploads.of_owner(context.pool, upload_id, owner_of(request))
    if upload is None:
        raise not_found("upload")
    return upload


async def _arrived(context: Context, upload: Upload) -> dict[int, int]:
    """{part number: bytes} of what lies in storage."""
    prefix = keys.upload_prefix(upload.id)
    listed = context.storage.list(context.settings.uploads_bucket, prefix)
    return {int(entry.key.removeprefix(prefix)): entry.size_bytes async for entry in listed}


def _check_parts(upload: Upload, arrived: dict[int, int]) -> None:
    wrong = [number for number, size in enumerate(upload.part_sizes, start=1) if arrived.get(number) != size]
    if wrong:
        raise Problem(
            422,
            "size_mismatch",
            f"Parts missing or of a wrong size: {', '.join(map(str, wrong[:20]))}.",
            hint="GET the upload for fresh URLs of the missing parts, PUT them, and complete again.",
        )


async def _shown(context: Context, upload: Upload, arrived: dict[int, int]) -> dict[str, Any]:
    settings = context.settings
    parts: list[dict[str, Any]] = []
    if upload.status is UploadStatus.OPEN:
        for number, size in enumerate(upload.part_sizes, start=1):
            part: dict[str, Any] = {"number": number, "size_bytes": size}
            if arrived.get(number) == size:
                part["arrived"] = True
            else:
                part["url"] = await context.storage.presign_put(
                    settings.uploads_bucket, keys.upload_part(upload.id, number), size, settings.upload_ttl_s
                )
            parts.append(part)
    return {
        "id": upload.id,
        "asset_id": upload.asset_id,
        "status": upload.status.value,
        "method": "PUT",
        "parts": parts,
        "part_size_bytes": upload.part_size_bytes,
        "expires_at": upload.expires_at.isoformat(),
    }
