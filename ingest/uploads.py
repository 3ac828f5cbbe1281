"""Uploads: create, show what has arrived, complete, abort."""

import asyncio
import base64
import binascii
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from core.db import assets, playback_ids, uploads
from core.db.assets import NewAsset
from core.db.postgres import Connection
from core.db.uploads import Upload
from core.http.problems import Problem
from core.http.request_bodies import roomy
from core.model import AssetId, OwnerId, StepKind, UploadId, UploadStatus, new_id
from core.settings import Settings
from core.storage import keys
from core.storage.artifact_store import ArtifactStore
from core.telemetry import trace
from core.telemetry.logs import Log
from ingest import titles, upload_token_scope
from ingest.bodies import responses
from ingest.bodies.fields import ref_pair
from ingest.bodies.requests import NewSource, NewUpload, NewWatermark, Nothing, UploadQuery
from ingest.context import CONTEXT, Context, answer, body_of, caller_of, ident, not_found, once, owner_of, query_of
from ingest.openapi import operation
from transcode.plan.watermark import MAX_IMAGE_BYTES, image_type

_LOG = Log("uploads")
routes = web.RouteTableDef()
MAX_BODY_BYTES = 768 * 1024  # an image of MAX_IMAGE_BYTES in lines of base64, and every other field at its longest
URLS_AT_ONCE = 200  # of parts, in one answer
URLS_IN_A_ROW = 20  # then others have their turn: each takes a third of a millisecond
IMAGE_HINT = f"Send a PNG, JPEG or WebP of at most {MAX_IMAGE_BYTES // 1024} KiB in base64."


@dataclass(frozen=True, slots=True, kw_only=True)
class Image:
    """A watermark image as received. Only its first bytes are checked here; it is decoded in the sandbox."""

    content: bytes
    content_type: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()


@routes.post("/v1/uploads")
@operation(responses.Upload, status=201, body=NewUpload, idempotent=True)
@roomy(MAX_BODY_BYTES, IMAGE_HINT)
async def create(request: web.Request) -> web.Response:
    """Create an asset and its upload; returns presigned PUTs for its first parts.

    With an upload token: once. The same request again gets the same upload.
    """
    context, owner = request.app[CONTEXT], owner_of(request)
    body = await body_of(request, NewUpload)
    if (token := caller_of(request).upload_token) is not None:
        body = upload_token_scope.settled(body, token.terms)
    check_size(body.size_bytes, context.settings)
    asset_id, image = AssetId(new_id("as")), image_of(body.watermark)

    async def make(connection: Connection) -> str:
        kind, name = ref_pair(body.ref) or (None, None)
        await assets.insert(
            connection,
            NewAsset(
                id=asset_id,
                owner_id=owner,
                title=body.title or titles.of_filename(body.filename),
                ref_type=kind,
                ref_id=name,
                policy=body.policy,
                language=body.language,
                options=body.options(image.sha256 if image else None),
                metadata=body.metadata,
                allowed_domains=body.allowed_domains,
                about=body.about(),
                trace=trace.current(),
            ),
        )
        await playback_ids.insert(connection, asset_id, body.policy)
        return await reserve(connection, context.settings, owner, asset_id, body)

    upload_id, is_new = await once_with(image, asset_id, request, make)
    return answer(await shown(context, await begun(context, upload_id, owner), empty=is_new), status=201)


async def begun(context: Context, upload_id: str, owner: OwnerId) -> Upload:
    """The upload that a request has begun, now or when it was sent for the first time."""
    upload = await of_owner(context, upload_id, owner)
    _LOG.info("upload.begun", upload=upload.id, asset=upload.asset_id)
    return upload


def image_of(watermark: NewWatermark | None) -> Image | None:
    """The decoded image, its type recognized by its first bytes; None without a watermark. Raises Problem."""
    if watermark is None:
        return None
    try:
        content = base64.b64decode("".join(watermark.image.split()), validate=True)
    except (binascii.Error, ValueError) as exc:
        raise _refused("The image is not valid base64.") from exc
    if len(content) > MAX_IMAGE_BYTES:
        raise _refused(f"The image has {len(content)} bytes; the maximum is {MAX_IMAGE_BYTES}.")
    if (kind := image_type(content)) is None:
        raise _refused("The image is not PNG, JPEG or WebP.")
    return Image(content=content, content_type=kind.media_type)


def _refused(detail: str) -> Problem:
    return Problem(422, "watermark_refused", detail, hint=IMAGE_HINT, pointer="/watermark/image")


async def once_with(
    image: Image | None, asset_id: AssetId, request: web.Request, make: Callable[[Connection], Awaitable[str]]
) -> tuple[str, bool]:
    """`once`, with the image stored before the row that refers to it, and removed where no row was written."""
    if image is None:
        return await once(request, make)
    context = request.app[CONTEXT]
    bucket, key = context.settings.media_bucket, keys.media_object(asset_id, image.sha256)
    artifacts = ArtifactStore(storage=context.storage, bucket=bucket)
    await artifacts.put(asset_id, image.content, image.content_type, sha256=image.sha256)
    try:
        resource, is_new = await once(request, make)
    except Problem:  # certainly rolled back; after a lost connection that is unknown
        await context.storage.delete(bucket, key)
        raise
    if not is_new:
        await context.storage.delete(bucket, key)
    return resource, is_new


async def reserve(
    connection: Connection, settings: Settings, owner: OwnerId, asset_id: AssetId, body: NewUpload | NewSource
) -> UploadId:
    """Create an open upload for an asset and return its id."""
    upload_id = UploadId(new_id("up"))
    await uploads.insert(
        connection,
        upload_id=upload_id,
        owner_id=owner,
        asset_id=asset_id,
        filename=body.filename,
        content_type=body.content_type,
        size_bytes=body.size_bytes,
        part_size_bytes=uploads.part_size(body.size_bytes, settings.part_size_bytes),
        sha256=body.sha256,
        ttl_s=settings.upload_ttl_s,
    )
    return upload_id


def check_size(size_bytes: int, settings: Settings) -> None:
    """Raises Problem(422) for an empty file and for one that is larger than allowed."""
    if size_bytes == 0:
        raise Problem(422, "not_media", "The file is empty.", hint="Choose another file.", pointer="/size_bytes")
    if size_bytes > settings.max_upload_bytes:
        raise Problem(
            422,
            "too_large",
            f"The file has {size_bytes} bytes; the maximum is {settings.max_upload_bytes}.",
            hint="Export it at a lower bit rate, or trim it.",
            pointer="/size_bytes",
        )


@routes.get("/v1/uploads/{upload_id}")
@operation(responses.Upload, query=UploadQuery, errors=(404,))
async def show(request: web.Request) -> web.Response:
    """Show which parts have arrived, with fresh URLs for the next of the others, to go on with an upload."""
    query = query_of(request, UploadQuery)
    return answer(await shown(request.app[CONTEXT], await _requested_upload(request), from_part=query.from_part))


@routes.post("/v1/uploads/{upload_id}/complete")
@operation(responses.Upload, status=202, body=Nothing, errors=(404, 409))
async def complete(request: web.Request) -> web.Response:
    """Complete an upload whose parts have all arrived; processing starts. Idempotent."""
    context, upload = request.app[CONTEXT], await _requested_upload(request)
    await body_of(request, Nothing)
    if upload.status is UploadStatus.OPEN:
        arrived = await uploads.arrived_parts(context.storage, context.settings.uploads_bucket, upload.id)
        if missing := uploads.missing_parts(upload, arrived):
            raise Problem(
                422,
                "size_mismatch",
                f"Parts missing or of the wrong size: {', '.join(map(str, missing[:20]))}.",
                hint="GET the upload for fresh URLs of the missing parts, PUT them, then complete it again.",
            )
        await close(context, upload)
    elif upload.status is not UploadStatus.COMPLETED:
        raise _closed(upload)
    return answer(await shown(context, await _requested_upload(request)), status=202)


async def close(context: Context, upload: Upload) -> None:
    """Complete an upload whose parts have all arrived, and wake a worker."""
    async with context.pool.acquire() as connection, connection.transaction():
        step = await uploads.complete(connection, upload)
    if step:
        _LOG.info("upload.completed", upload=upload.id, asset=upload.asset_id, step=step)
        await context.hint([(step, StepKind.ACCEPT)])


@routes.delete("/v1/uploads/{upload_id}")
@operation(None, status=204, errors=(404, 409))
async def abort(request: web.Request) -> web.Response:
    """Abort an upload; its parts, and an asset that only waited for it, are deleted. Idempotent."""
    context, upload = request.app[CONTEXT], await _requested_upload(request)
    if upload.status is UploadStatus.COMPLETED:
        raise Problem(409, "upload_completed", "The upload is already completed.", hint="Delete its asset instead.")
    async with context.pool.acquire() as connection, connection.transaction():
        if await uploads.abandon(connection, upload, UploadStatus.ABORTED):
            await uploads.discard(connection, upload)
    return web.Response(status=204)


def _closed(upload: Upload) -> Problem:
    return Problem(409, f"upload_{upload.status}", f"The upload is {upload.status}.", hint="Start a new upload.")


async def _requested_upload(request: web.Request) -> Upload:
    return await of_owner(request.app[CONTEXT], ident(request, "upload_id", "upload"), owner_of(request))


async def of_owner(context: Context, upload_id: str, owner: OwnerId) -> Upload:
    """The upload with this id, if `owner` owns it; its request belongs to the upload's trace. Raises Problem(404)."""
    upload = await uploads.of_owner(context.pool, upload_id, owner)
    if upload is None:
        raise not_found("upload")
    trace.follow(upload.trace)
    return upload


async def shown(context: Context, upload: Upload, *, empty: bool = False, from_part: int = 1) -> responses.Upload:
    """The upload as its owner sees it. `empty`: just created, no part has arrived. URLs expire with the upload.

    At most URLS_AT_ONCE missing parts from `from_part` on have one: to sign a thousand takes seconds of everybody's.
    """
    settings = context.settings
    remaining_s = int((upload.expires_at - datetime.now(UTC)).total_seconds())
    parts: list[responses.Part] = []
    next_part, signed = None, 0
    if upload.status is UploadStatus.OPEN and remaining_s > 0:
        bucket = settings.uploads_bucket
        arrived = {} if empty else await uploads.arrived_parts(context.storage, bucket, upload.id)
        for number, size in enumerate(upload.part_sizes, start=1):
            has_arrived, url = arrived.get(number) == size, None
            if not has_arrived and number >= from_part:
                if signed < URLS_AT_ONCE:
                    key = keys.upload_part(upload.id, number)
                    url = await context.storage.presign_put(bucket, key, size, remaining_s)
                    signed += 1
                    if signed % URLS_IN_A_ROW == 0:
                        await asyncio.sleep(0)
                elif next_part is None:
                    next_part = number
            parts.append(responses.Part(number=number, size_bytes=size, arrived=has_arrived, url=url))
    return responses.Upload(
        id=upload.id,
        asset_id=upload.asset_id,
        status=upload.status,
        method="PUT",
        parts=parts,
        next_part=next_part,
        part_size_bytes=upload.part_size_bytes,
        expires_at=upload.expires_at,
    )
