"""Assets: pull from a URL, show, list, change, delete; work on them again; replace their source."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from aiohttp import web

from core import assets, keys, playback, revocations, steps
from core.assets import Asset, Changes, Filters, NewAsset
from core.db import Connection
from core.errors import Rejected
from core.model import AssetId, AssetStatus, OwnerId, Policy, StepId, StepKind, new_id
from core.problems import Problem
from core.public_fetch import check_url
from ingest import shapes
from ingest.asset_shape import shown
from ingest.context import CONTEXT, Context, answer, body_of, ident, not_found, once, owner_of, query_of
from ingest.openapi import operation
from ingest.schemas import AssetChanges, AssetQuery, NewPull, NewSource, Nothing, Reprocess, ref_pair
from ingest.uploads import check_size, image_of, of_owner, once_with, reserve, with_room
from ingest.uploads import shown as upload_shown

routes = web.RouteTableDef()
GONE_FOR = timedelta(days=30)  # longer than any delivery token lasts


@routes.post("/v1/assets")
@operation(shapes.AssetShape, status=202, body=NewPull, errors=(404, 409), idempotent=True)
async def pull(request: web.Request) -> web.Response:
    """Make an asset from a file at a public URL, or from a part of another asset; a worker fetches it."""
    request = await with_room(request)
    context, owner = request.app[CONTEXT], owner_of(request)
    wanted = await body_of(request, NewPull)
    if wanted.input_url is not None:
        check_input_url(context, wanted.input_url)
    new_asset_id, image = AssetId(new_id("as")), image_of(wanted.watermark)
    owed: list[tuple[str, StepKind]] = []

    async def make(connection: Connection) -> str:
        origin = await _origin(connection, owner, wanted)
        kind, name = ref_pair(wanted.ref) or (None, None)
        await assets.insert(
            connection,
            NewAsset(
                id=new_asset_id,
                owner_id=owner,
                title=wanted.title or origin.title,
                ref_type=kind,
                ref_id=name,
                policy=origin.policy,
                language=origin.language,
                options={**origin.options, **wanted.options(image.sha256 if image else None)},
            ),
        )
        await playback.insert(connection, new_asset_id, origin.policy)
        await assets.under_way(connection, new_asset_id)
        _owe(owed, StepKind.FETCH, await steps.insert(connection, new_asset_id, StepKind.FETCH, origin.fetch))
        return new_asset_id

    asset_id, _ = await once_with(image, new_asset_id, request, make)
    await context.hint(owed)
    return answer(shown(context, await _of_owner(request, asset_id)), status=202)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    """Where a file comes from, as the fetch step reads it, and what is known of it for want of the owner's word."""

    fetch: dict[str, str]
    title: str
    policy: Policy
    language: str | None
    options: dict[str, str] = field(default_factory=dict)


async def _origin(connection: Connection, owner: OwnerId, wanted: NewPull) -> _Origin:
    """Raises Problem for an asset that is not there, or has nothing to cut from."""
    if wanted.input_url is not None:
        name = wanted.input_url.partition("?")[0].rstrip("/").rpartition("/")[2][:500]
        return _Origin(fetch={"url": wanted.input_url}, title=name, policy=wanted.policy, language=wanted.language)
    original = await assets.of_owner(connection, wanted.clip_of or "", owner)
    if original is None:
        raise not_found("asset")
    if original.source_key is None:
        raise _no_source("Wait until its upload is accepted.")
    # A part of what only some may watch must not become public for want of a word.
    given = wanted.model_fields_set
    return _Origin(
        fetch={"clip_of": original.id},
        title=original.title,
        policy=wanted.policy if "policy" in given else original.policy,
        language=wanted.language if "language" in given else original.language,
        # ... nor travel in the clear.
        options={name: original.options[name] for name in ("encryption",) if name in original.options},
    )


@routes.get("/v1/assets")
@operation(shapes.AssetShape, listing=True, query=AssetQuery)
async def page(request: web.Request) -> web.Response:
    """Newest first; `next_cursor` goes into `cursor` of the next call."""
    context, wanted = request.app[CONTEXT], query_of(request, AssetQuery)
    filters = Filters(status=wanted.status, ref=ref_pair(wanted.ref), q=wanted.q)
    found = await assets.page(context.pool, owner_of(request), wanted.cursor, wanted.limit + 1, filters)
    cursor = found[wanted.limit - 1].id if len(found) > wanted.limit else None
    data = [shown(context, asset).model_dump(mode="json") for asset in found[: wanted.limit]]
    return answer(data, next_cursor=cursor)


@routes.get("/v1/assets/{asset_id}")
@operation(shapes.AssetShape, errors=(404,))
async def show(request: web.Request) -> web.Response:
    """One asset with its progress, renditions and playback ids."""
    return answer(shown(request.app[CONTEXT], await asked(request)))


@routes.patch("/v1/assets/{asset_id}")
@operation(shapes.AssetShape, body=AssetChanges, errors=(404,))
async def change(request: web.Request) -> web.Response:
    """Change title, ref or language; what is not given stays."""
    context, asset = request.app[CONTEXT], await asked(request)
    wanted = await body_of(request, AssetChanges)
    given = wanted.model_fields_set
    changes = Changes(
        title=wanted.title,
        ref=("ref" in given, ref_pair(wanted.ref)),
        language=("language" in given, wanted.language),
    )
    async with context.pool.acquire() as connection, connection.transaction():
        if not await assets.change(connection, asset.id, asset.owner_id, changes):
            raise not_found("asset")
    return answer(shown(context, await asked(request)))


@routes.delete("/v1/assets/{asset_id}")
@operation(None, status=204, errors=(404,))
async def delete(request: web.Request) -> web.Response:
    """Gone at once for the owner and for new viewers; a worker removes every object."""
    context, asset = request.app[CONTEXT], await asked(request)
    now = datetime.now(UTC)
    subject, until = revocations.asset(asset.id), now + GONE_FOR
    async with context.pool.acquire() as connection, connection.transaction():
        if not await assets.delete(connection, asset.id, asset.owner_id):
            raise not_found("asset")
        await steps.cancel(connection, asset.id)
        await revocations.insert(connection, subject, until)
        purge = {"prefix": keys.public_prefix(asset.id)}
        owed = [
            (await steps.insert(connection, asset.id, StepKind.DELETE, {"round": 1}), StepKind.DELETE),
            (await steps.insert(connection, asset.id, StepKind.PURGE, purge), StepKind.PURGE),
        ]
        # A worker that has just lost its lease may still be writing an object: remove a second time after that.
        await steps.insert(connection, asset.id, StepKind.DELETE, {"round": 2}, delay_s=3 * context.settings.lease_s)
    await revocations.announce(context.redis, subject, until.timestamp(), now.timestamp())
    await context.hint([(step, kind) for step, kind in owed if step])
    return web.Response(status=204)


@routes.post("/v1/assets/{asset_id}/retry")
@operation(shapes.AssetShape, status=202, body=Nothing, errors=(404, 409), idempotent=True)
async def retry(request: web.Request) -> web.Response:
    """Try an errored asset again from the step that ended it."""
    context, asset = request.app[CONTEXT], await asked(request)
    await body_of(request, Nothing)
    owed: list[tuple[str, StepKind]] = []

    async def make(connection: Connection) -> str:
        if asset.error is None:
            raise Problem(409, "not_errored", f"The asset is {asset.status}, there is nothing to retry.")
        owed.extend(await steps.retry(connection, asset.id))
        await assets.under_way(connection, asset.id)
        return asset.id

    await once(request, make)
    await context.hint(owed)
    return answer(shown(context, await asked(request)), status=202)


@routes.post("/v1/assets/{asset_id}/reprocess")
@operation(shapes.AssetShape, status=202, body=Reprocess, errors=(404, 409), idempotent=True)
async def reprocess(request: web.Request) -> web.Response:
    """Encode the kept source again with other settings; what is published plays on until the new revision is there."""
    context, asset = request.app[CONTEXT], await asked(request)
    wanted = await body_of(request, Reprocess)
    owed: list[tuple[str, StepKind]] = []

    async def make(connection: Connection) -> str:
        await _not_busy(connection, asset)
        if asset.source is None:
            raise _no_source("Upload a new source.")
        probed = await steps.newest_output(connection, asset.id, StepKind.PROBE) or {}
        again = {
            "source": asset.source_sha256,
            "facts": asset.source,
            "index": probed.get("index"),
            "options": wanted.model_dump(mode="json", exclude_none=True),
            # A step of its own each time: the same settings may be asked for again after others.
            "again": new_id("st"),
        }
        _owe(owed, StepKind.PLAN, await steps.insert(connection, asset.id, StepKind.PLAN, again))
        await assets.under_way(connection, asset.id)
        return asset.id

    await once(request, make)
    await context.hint(owed)
    return answer(shown(context, await asked(request)), status=202)


@routes.post("/v1/assets/{asset_id}/source")
@operation(shapes.Upload, status=201, body=NewSource, errors=(404, 409), idempotent=True)
async def replace_source(request: web.Request) -> web.Response:
    """Upload another file for the same asset and playback ids; the old one plays until the new one is ready."""
    context, asset = request.app[CONTEXT], await asked(request)
    wanted = await body_of(request, NewSource)
    check_size(wanted.size_bytes, context.settings)

    async def make(connection: Connection) -> str:
        await _not_busy(connection, asset)
        if asset.status is AssetStatus.WAITING:
            raise Problem(409, "waiting", "The asset still waits for its first upload.", hint="Complete that one.")
        return await reserve(connection, context.settings, asset.owner_id, asset.id, wanted)

    upload_id, now = await once(request, make)
    upload = await of_owner(context, upload_id, asset.owner_id)
    return answer(await upload_shown(context, upload, empty=now), status=201)


def check_input_url(context: Context, url: str) -> None:
    """Raises Problem for an address that nothing is fetched from."""
    try:
        check_url(url, context.settings.input_url_networks)
    except Rejected as exc:
        raise Problem(422, exc.code, str(exc), hint=exc.hint, pointer="/input_url") from exc


async def _not_busy(connection: Connection, asset: Asset) -> None:
    if await steps.busy(connection, asset.id):
        raise Problem(
            409, "busy", "Work on this asset is under way.", hint="Wait until its status is ready or errored."
        )


def _no_source(hint: str) -> Problem:
    return Problem(409, "no_source", "There is no readable source to work on.", hint=hint)


def _owe(owed: list[tuple[str, StepKind]], kind: StepKind, step: StepId | None) -> None:
    if step:
        owed.append((step, kind))


async def asked(request: web.Request) -> Asset:
    """The asset of the path, for its owner. Raises Problem(404)."""
    return await _of_owner(request, ident(request, "asset_id", "asset"))


async def _of_owner(request: web.Request, asset_id: str) -> Asset:
    asset = await assets.of_owner(request.app[CONTEXT].pool, asset_id, owner_of(request))
    if asset is None:
        raise not_found("asset")
    return asset
