"""S3 event notifications as hints: an upload whose last part has arrived is completed without its client.

Nothing in a notification is believed: it names keys, and what lies under them is asked of storage.
"""

import hmac
from urllib.parse import unquote_plus

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from core import uploads
from core.model import UploadId, UploadStatus
from core.problems import Problem
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
    """The shape AWS and its likes send."""

    model_config = ConfigDict(extra="ignore")
    records: list[_Record] = Field(default=[], alias="Records", max_length=1000)


@routes.post("/storage/events")
async def notified(request: web.Request) -> web.Response:
    """Look at the uploads whose parts are named."""
    context = request.app[CONTEXT]
    _authorize(context, request.headers.get("Authorization", ""))
    notification = await body_of(request, Notification)
    ids = {_upload_id(unquote_plus(record.s3.object.key)) for record in notification.records}
    for upload_id in sorted(found for found in ids if found):
        await _look(context, UploadId(upload_id))
    return web.Response(status=204)


def _authorize(context: Context, header: str) -> None:
    key = context.settings.storage_events_key
    if key is None:
        raise not_found("page")
    given = header.removeprefix("Bearer ").encode()
    if not hmac.compare_digest(given, key.get_secret_value().encode()):
        raise Problem(401, "unauthenticated", "The key is missing or wrong.")


def _upload_id(key: str) -> str | None:
    folder, _, rest = key.partition("/")
    return rest.partition("/")[0] if folder == "uploads" and rest.startswith("up_") else None


async def _look(context: Context, upload_id: UploadId) -> None:
    upload = await uploads.by_id(context.pool, upload_id)
    if upload is None or upload.status is not UploadStatus.OPEN:
        return
    arrived = await uploads.arrived_parts(context.storage, context.settings.uploads_bucket, upload.id)
    if not uploads.missing_parts(upload, arrived):
        await close(context, upload)
