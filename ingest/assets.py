"""Routes of assets: create from a URL, list, show, change, delete, retry, reprocess, replace the source."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from core.db import assets, playback_ids, revocations, steps
from core.db.assets import Asset, Changes, Filters, NewAsset
from core.db.postgres import Connection, Pool
from core.errors import Rejected
from core.http.problems import Problem
from core.http.public_fetch import check_url
from core.http.request_bodies import roomy
from core.model import AssetId, AssetStatus, OwnerId, Policy, StepId, StepKind, new_id
from core.step_kinds import BLOCK_REPROCESS, BLOCK_REPROCESS_OF_READY, PROBES
from core.storage import keys
from core.telemetry import trace
from core.telemetry.logs import Log
from ingest import titles
from ingest.bodies import cursor, responses
from ingest.bodies.asset_response import narrowed, shown
from ingest.bodies.fields import ref_pair
from ingest.bodies.requests import AssetChanges, AssetQuery, NewChapter, NewPull, NewSource, Nothing, Reprocess
from ingest.context import (
    CONTEXT,
    Context,
    answer,
    body_of,
    caller_of,
    ident,
    not_found,
    once,
    owner_of,
    query_of,
    reads_of,
)
from ingest.openapi import operation
from ingest.uploads import IMAGE_HINT, MAX_BODY_BYTES, begun, check_size, image_of, once_with, reserve
from ingest.uploads import shown as upload_shown
from subtitles.cues import own_chapters
from subtitles.cues.own_chapters import Misplaced, OwnChapter
from transcode.probe.source import VERSION

_LOG = Log("assets")
routes = web.RouteTableDef()
REVOKED_FOR = timedelta(days=30)  # longer than any delivery token is valid


@routes.post("/v1/assets")
@operation(responses.AssetShape, status=202, body=NewPull, errors=(404, 409), idempotent=True)
@roomy(MAX_BODY_BYTES, IMAGE_HINT)
async def pull(request: web.Request) -> web.Response:
    """Create an asset from a file at a public URL, or from part of another asset."""
    context, owner = request.app[CONTEXT], owner_of(request)
    body = await body_of(request, NewPull)
    if body.input_url is not None:
        check_input_url(context, body.input_url)
    new_asset_id, image = AssetId(new_id("as")), image_of(body.watermark)
    queued: list[tuple[str, StepKind]] = []

    async def make(connection: Connection) -> str:
        origin = await _origin(connection, owner, body)
        kind, name = ref_pair(body.ref) or (None, None)
        await assets.insert(
            connection,
            NewAsset(
                id=new_asset_id,
                owner_id=owner,
                title=body.title or origin.title,
                ref_type=kind,
                ref_id=name,
                policy=origin.policy,
                language=origin.language,
                options={**origin.options, **body.options(image.sha256 if image else None)},
                metadata=body.metadata,
                allowed_domains=origin.allowed_domains,
                about={**origin.about, **body.about()},
                trace=trace.current(),
            ),
        )
        await playback_ids.insert(connection, new_asset_id, origin.policy)
        await assets.under_way(connection, new_asset_id)
        _add_queued(queued, StepKind.FETCH, await steps.insert(connection, new_asset_id, StepKind.FETCH, origin.fetch))
        return new_asset_id

    asset_id, _ = await once_with(image, new_asset_id, request, make)
    await context.hint(queued)
    pulled = await _of_owner(request, asset_id)
    _LOG.info("pull.begun", asset=asset_id)
    return answer(shown(context, pulled), status=202)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """Input of the fetch step, and the metadata to use where the owner gave none."""

    fetch: dict[str, str]
    title: str
    policy: Policy
    language: str | None
    allowed_domains: list[str]
    options: dict[str, str] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)


async def _origin(connection: Connection, owner: OwnerId, body: NewPull) -> _Origin:
    """Where the file comes from. Raises Problem for a `clip_of` that does not exist or has no source yet."""
    if body.input_url is not None:
        return _Origin(
            fetch={"url": body.input_url},
            title=titles.of_url(body.input_url),
            policy=body.policy,
            language=body.language,
            allowed_domains=body.allowed_domains,
        )
    original = await assets.of_owner(connection, body.clip_of or "", owner)
    if original is None:
        raise not_found("asset")
    if original.source_key is None:
        gone = original.source_is_gone
        raise _no_source("Upload the file again." if gone else "Wait until its upload has been accepted.")
    # A clip of a signed asset must not become public, playable on any page or for longer, listed, or unencrypted, by
    # omission.
    fields = body.model_fields_set
    return _Origin(
        fetch={"clip_of": original.id},
        title=original.title,
        policy=body.policy if "policy" in fields else original.policy,
        language=body.language if "language" in fields else original.language,
        allowed_domains=body.allowed_domains if "allowed_domains" in fields else original.allowed_domains,
        options={name: original.options[name] for name in ("encryption",) if name in original.options},
        about={
            "listed": original.listed,
            "expires_at": original.expires_at and original.expires_at.isoformat(),
            "family_friendly": original.family_friendly,
        },
    )


@routes.get("/v1/assets")
@operation(responses.AssetShape, listing=True, query=AssetQuery)
async def page(request: web.Request) -> web.Response:
    """List assets in the order of `sort`; pass `next_cursor` as `cursor` to get the next page."""
    context, query = request.app[CONTEXT], query_of(request, AssetQuery)
    found, following = await listed(await reads_of(request), owner_of(request), query)
    data = [shown(context, asset).model_dump(mode="json") for asset in found]
    return answer(data, next_cursor=following)


async def listed(pool: Pool, owner: OwnerId, query: AssetQuery) -> tuple[list[Asset], str | None]:
    """A page of an owner's assets, and the cursor of the next one where there is one. Raises Problem."""
    filters = Filters(status=query.status, ref=ref_pair(query.ref), q=query.q)
    after = cursor.read(query.cursor, query.sort)
    rows = await assets.page(pool, owner, after, query.limit + 1, filters, query.sort)
    found = rows[: query.limit]
    is_last = len(rows) <= query.limit
    return found, None if is_last else cursor.written(assets.position_of(found[-1], query.sort), query.sort)


@routes.get("/v1/assets/{asset_id}")
@operation(responses.AssetShape, errors=(404,), with_upload_token=responses.UploadedAsset)
async def show(request: web.Request) -> web.Response:
    """Show an asset with its progress, renditions and playback ids."""
    shape = shown(request.app[CONTEXT], await requested_asset(request))
    return answer(shape if caller_of(request).upload_token is None else narrowed(shape))


@routes.patch("/v1/assets/{asset_id}")
@operation(responses.AssetShape, body=AssetChanges, errors=(404,))
async def change(request: web.Request) -> web.Response:
    """Change what you say of an asset: title, ref, policy, domains, chapters, what pages say; omitted fields stay.

    A policy becomes that of all playback ids. It and the allowed domains apply to sessions that begin from now on:
    playlists and files that were handed out can be read until their delivery token expires, and shared caches may show
    the pictures of a title that has become signed for a minute more.
    """
    context, asset = request.app[CONTEXT], await requested_asset(request)
    await change_asset(context, asset, await body_of(request, AssetChanges))
    return answer(shown(context, await requested_asset(request)))


async def change_asset(context: Context, asset: Asset, body: AssetChanges) -> None:
    """Change what the owner says about an asset. Raises Problem."""
    fields = body.model_fields_set
    if body.chapters:
        _check_chapters(asset, body.chapters)
    changes = Changes(
        title=body.title,
        ref=("ref" in fields, ref_pair(body.ref)),
        language=("language" in fields, body.language),
        metadata=body.metadata,
        policy=body.policy,
        allowed_domains=body.allowed_domains,
        chapters=("chapters" in fields, [one.model_dump() for one in body.chapters or ()] or None),
        about=body.about(),
    )
    async with context.pool.acquire() as connection, connection.transaction():
        if not await assets.change(connection, asset.id, asset.owner_id, changes):
            raise not_found("asset")


def _check_chapters(asset: Asset, given: Sequence[NewChapter]) -> None:
    """Raises Problem(422) with a pointer to the first chapter in a wrong place."""
    duration_s = (asset.summary or {}).get("duration_s")
    found = own_chapters.misplaced([OwnChapter(**one.model_dump()) for one in given], duration_s)
    if found is None:
        return
    number, pointer = found[0], f"/chapters/{found[0]}/start_s"
    if found[1] is Misplaced.ORDER:
        detail = f"Chapter {number + 1} does not begin after the one before it."
        raise Problem(422, "chapter_order", detail, hint="List them in the order of their times.", pointer=pointer)
    detail = f"Chapter {number + 1} begins when the video is over: it lasts {duration_s:.3f} s."
    raise Problem(422, "chapter_end", detail, hint="Let it begin earlier.", pointer=pointer)


@routes.delete("/v1/assets/{asset_id}")
@operation(None, status=204, errors=(404,))
async def delete(request: web.Request) -> web.Response:
    """Delete an asset. It is unavailable at once; its files are removed in the background.

    CDNs are purged; those without a purge lose it within the hour, unless the operator has set another time.
    """
    await delete_asset(request.app[CONTEXT], await requested_asset(request))
    return web.Response(status=204)


async def delete_asset(context: Context, asset: Asset) -> None:
    """Delete an asset, which takes effect at once. Raises Problem(404) where it is gone already."""
    now = datetime.now(UTC)
    subject, until = revocations.asset(asset.id), now + REVOKED_FOR
    async with context.pool.acquire() as connection, connection.transaction():
        if not await assets.delete(connection, asset.id, asset.owner_id):
            raise not_found("asset")
        await revocations.insert(connection, subject, until)
        purge = {"prefix": keys.public_prefix(asset.id)}
        queued = [
            (await steps.insert(connection, asset.id, StepKind.DELETE, {"round": 1}), StepKind.DELETE),
            (await steps.insert(connection, asset.id, StepKind.PURGE, purge), StepKind.PURGE),
        ]
        # A worker that has just lost its lease may still be writing an object: remove a second time after that.
        await steps.insert(connection, asset.id, StepKind.DELETE, {"round": 2}, delay_s=3 * context.settings.lease_s)
    await revocations.announce(context.redis, subject, until.timestamp(), now.timestamp())
    await context.hint([(step, kind) for step, kind in queued if step])


@routes.post("/v1/assets/{asset_id}/retry")
@operation(responses.AssetShape, status=202, body=Nothing, errors=(404, 409), idempotent=True)
async def retry(request: web.Request) -> web.Response:
    """Retry an errored asset from the step that failed."""
    context, asset = request.app[CONTEXT], await requested_asset(request)
    await body_of(request, Nothing)
    queued: list[tuple[str, StepKind]] = []

    async def make(connection: Connection) -> str:
        if asset.error is None:
            raise Problem(409, "not_errored", f"The asset is {asset.status}; there is nothing to retry.")
        if asset.status is AssetStatus.ERRORED and asset.source_is_gone:
            raise _no_source("It was not retried in time. Upload the file again as a new source.")
        try:
            queued.extend(await steps.retry(connection, asset.id))
        except steps.RetriesUsedUp as exc:
            raise Problem(
                409,
                "retries_used_up",
                f"This was retried {steps.MAX_RETRIES} times, the limit.",
                hint="Upload the file again, or export it again as MP4 (H.264 + AAC) first.",
            ) from exc
        if asset.has_ladder and BLOCK_REPROCESS_OF_READY.isdisjoint(kind for _, kind in queued):
            await assets.clear_error(connection, asset.id)  # what is published is complete
        else:
            await assets.under_way(connection, asset.id)
        return asset.id

    await once(request, make)
    await context.hint(queued)
    return answer(shown(context, await requested_asset(request)), status=202)


@routes.post("/v1/assets/{asset_id}/reprocess")
@operation(responses.AssetShape, status=202, body=Reprocess, errors=(404, 409), idempotent=True)
async def reprocess(request: web.Request) -> web.Response:
    """Encode the source again with other settings; the published revision stays available until then."""
    context, asset = request.app[CONTEXT], await requested_asset(request)
    body = await body_of(request, Reprocess)
    queued: list[tuple[str, StepKind]] = []

    async def make(connection: Connection) -> str:
        await _not_busy(connection, asset)
        if asset.source is None or asset.source_key is None:
            raise _no_source("Upload a new source.")
        again: dict[str, Any] = {
            "source": asset.source_sha256,
            "options": body.model_dump(mode="json", exclude_none=True),
            # A new step each time: the same settings may be requested again after others.
            "again": new_id("st"),
        }
        if asset.source.get("version", 0) < VERSION:
            kind = StepKind.PROBE  # an earlier release has read it, and saw less
        else:
            probed = await steps.newest_output(connection, asset.id, *PROBES) or {}
            kind, again = StepKind.PLAN, {**again, "facts": asset.source, "index": probed.get("index")}
        _add_queued(queued, kind, await steps.insert(connection, asset.id, kind, again))
        await assets.under_way(connection, asset.id)
        return asset.id

    await once(request, make)
    await context.hint(queued)
    return answer(shown(context, await requested_asset(request)), status=202)


@routes.post("/v1/assets/{asset_id}/source")
@operation(responses.Upload, status=201, body=NewSource, errors=(404, 409), idempotent=True)
async def replace_source(request: web.Request) -> web.Response:
    """Replace the source file under the same playback ids; the old revision plays until the new one is ready."""
    begun_by = trace.current()
    context, asset = request.app[CONTEXT], await requested_asset(request)
    body = await body_of(request, NewSource)
    check_size(body.size_bytes, context.settings)

    async def make(connection: Connection) -> str:
        await _not_busy(connection, asset)
        if asset.status is AssetStatus.WAITING:
            raise Problem(409, "waiting", "The asset is waiting for its first upload.", hint="Complete that upload.")
        await assets.set_trace(connection, asset.id, begun_by)
        return await reserve(connection, context.settings, asset.owner_id, asset.id, body)

    upload_id, is_new = await once(request, make)
    upload = await begun(context, upload_id, asset.owner_id)
    return answer(await upload_shown(context, upload, empty=is_new), status=201)


def check_input_url(context: Context, url: str) -> None:
    """Raises Problem(422) for a URL that may not be fetched."""
    try:
        check_url(url, context.settings.input_url_networks)
    except Rejected as exc:
        raise Problem(422, exc.code, str(exc), hint=exc.hint, pointer="/input_url") from exc


async def _not_busy(connection: Connection, asset: Asset) -> None:
    if await steps.busy(connection, asset.id, BLOCK_REPROCESS_OF_READY if asset.has_ladder else BLOCK_REPROCESS):
        raise Problem(409, "busy", "The asset is being processed.", hint="Wait until its status is ready or errored.")


def _no_source(hint: str) -> Problem:
    return Problem(409, "no_source", "The asset has no readable source.", hint=hint)


def _add_queued(queued: list[tuple[str, StepKind]], kind: StepKind, step: StepId | None) -> None:
    if step:
        queued.append((step, kind))


async def requested_asset(request: web.Request) -> Asset:
    """The asset named in the path, if the caller owns it. Raises Problem(404)."""
    return await _of_owner(request, ident(request, "asset_id", "asset"))


async def _of_owner(request: web.Request, asset_id: str) -> Asset:
    asset = await assets.of_owner(await reads_of(request), asset_id, owner_of(request))
    if asset is None:
        raise not_found("asset")
    trace.follow(asset.trace)
    return asset
