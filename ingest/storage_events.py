"""S3 event notifications: an upload whose last part has arrived is completed without its client.

Notifications are not trusted: they only name keys, and storage is asked what is stored under them.
"""

import hmac
from urllib.parse import unquote_plus

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from core.db import uploads
from core.http.problems import Problem
from core.model import UploadId, UploadStatus
from core.telemetry import trace
from ingest.context import CONTEXT, Context, body_of, not_found
from ingest.uploads import close

routes = web.RouteTableDef()


class _Named(BaseModel):
    model_config = ConfigDict(extra="ignore")
    key: str


class _S3(BaseModel):
    model_config = ConfigDict(extra="ignore")
    object: _Named


class _Record(BaseModel):
    model_config = ConfigDict(extra="ignore")
    s3: _S3


class Notification(BaseModel):
    """S3 event notification, as AWS and compatible servers send it."""

    model_config = ConfigDict(extra="ignore")
    records: list[_Record] = Field(default=[], alias="Records", max_length=1000)


@routes.post("/storage/events")
async def notified(request: web.Request) -> web.Response:
    """Check the uploads whose parts are named, and complete those that are whole."""
    context = request.app[CONTEXT]
    _authorize(context, request.headers.get("Authorization", ""))
    notification = await body_of(request, Notification)
    ids = {_upload_id(unquote_plus(record.s3.object.key)) for record in notification.records}
    for upload_id in sorted(filter(None, ids)):
        await _complete_if_whole(context, UploadId(upload_id))
    return web.Response(status=204)


def _authorize(context: Context, header: str) -> None:
    key = context.settings.storage_events_key
    if key is None:
        raise not_found("page")
    sent_key = header.removeprefix("Bearer ").encode()
    if not hmac.compare_digest(sent_key, key.get_secret_value().encode()):
        raise Problem(401, "unauthenticated", "The key is missing or wrong.")


def _upload_id(key: str) -> str | None:
    folder, _, rest = key.partition("/")
    return rest.partition("/")[0] if folder == "uploads" and rest.startswith("up_") else None


async def _complete_if_whole(context: Context, upload_id: UploadId) -> None:
    upload = await uploads.by_id(context.pool, upload_id)
    if upload is None or upload.status is not UploadStatus.OPEN:
        return
    with trace.following(upload.trace):
        arrived = await uploads.arrived_parts(context.storage, context.settings.uploads_bucket, upload.id)
        if not uploads.missing_parts(upload, arrived):
            await close(context, upload)
