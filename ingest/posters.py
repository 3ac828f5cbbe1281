"""The picture that stands for a title: what was found, what a person chose, and where both are served.

A person's choice always wins and stays whatever is found later. One of the candidates is chosen at once; a moment of
the video, or a picture of one's own, is made by a worker, and what was shown before stays until then.
"""

from dataclasses import asdict
from fractions import Fraction
from typing import Any

from aiohttp import web

from core import pictures, steps
from core.artifact_store import ArtifactStore
from core.assets import Asset
from core.db import Connection
from core.model import AssetStatus, StepId, StepKind, new_id
from core.pictures import Choice
from core.problems import Problem
from ingest import shapes
from ingest.assets import asked
from ingest.context import CONTEXT, Context, answer, body_of
from ingest.openapi import operation
from ingest.picture_urls import PictureUrls, known, looks
from ingest.schemas import PosterChoice
from ingest.uploads import with_room

routes = web.RouteTableDef()
MAX_IMAGE_BYTES = 20 * 1024 * 1024
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/avif")
_IMAGE_HINT = f"Send a JPEG, PNG, WebP or AVIF of at most {MAX_IMAGE_BYTES // 2**20} MiB."


@routes.get("/v1/assets/{asset_id}/posters")
@operation(shapes.CandidateShape, listing=True, errors=(404,))
async def listed(request: web.Request) -> web.Response:
    """Pictures of the video that could stand for it, the best first, each with its score and the reason."""
    context, asset = request.app[CONTEXT], await asked(request)
    found = known(asset)
    candidates = found.album.candidates if found and found.album else ()
    chosen = found.chosen.candidate if found and found.chosen else None
    urls = PictureUrls(context, asset)
    shown = [
        shapes.CandidateShape(
            **{name: value for name, value in asdict(one).items() if name != "poster"},
            chosen=one.id == chosen,
            **looks(urls, one.id, one.poster),
        )
        for one in candidates
    ]
    return answer([one.model_dump(mode="json") for one in shown], next_cursor=None)


@routes.get("/v1/assets/{asset_id}/poster")
@operation(shapes.PosterShape, errors=(404,))
async def show(request: web.Request) -> web.Response:
    """The picture that is shown, and whose choice it was."""
    return _answer(request.app[CONTEXT], await asked(request))


@routes.put("/v1/assets/{asset_id}/poster")
@operation(shapes.PosterShape, status=202, body=PosterChoice, errors=(404, 409), also_takes=IMAGE_TYPES)
async def choose(request: web.Request) -> web.Response:
    """Choose a candidate, a moment of the video, or (as the body itself) a picture of your own."""
    request = await with_room(request, MAX_IMAGE_BYTES, hint=_IMAGE_HINT)
    context, asset = request.app[CONTEXT], await asked(request)
    if request.content_type.startswith("image/"):
        return await _wanted(request, asset, await _stored(context, asset, request))
    wanted = await body_of(request, PosterChoice)
    if wanted.time_s is not None:
        _check_time(asset, wanted.time_s)
        return await _wanted(request, asset, {"time_s": str(Fraction(wanted.time_s).limit_denominator(1000))})
    found = known(asset)
    candidates = found.album.candidates if found and found.album else ()
    candidate = next((one for one in candidates if one.id == wanted.candidate), None)
    if candidate is None:
        raise Problem(
            422, "invalid", "There is no such candidate.", hint="GET posters lists them.", pointer="/candidate"
        )
    choice = Choice(by="candidate", poster=candidate.poster, candidate=candidate.id, time_s=candidate.time_s)
    async with context.pool.acquire() as connection, connection.transaction():
        await pictures.choose(connection, asset.id, choice)
    return _answer(context, await asked(request), status=202)


@routes.delete("/v1/assets/{asset_id}/poster")
@operation(shapes.PosterShape, errors=(404,))
async def leave(request: web.Request) -> web.Response:
    """Leave the choice to us again."""
    context, asset = request.app[CONTEXT], await asked(request)
    async with context.pool.acquire() as connection, connection.transaction():
        await pictures.choose(connection, asset.id, None)
    return _answer(context, await asked(request))


async def _wanted(request: web.Request, asset: Asset, wanted: dict[str, str]) -> web.Response:
    """Owe the making of a choice."""
    context = request.app[CONTEXT]
    step: StepId | None = None

    async def owe(connection: Connection) -> None:
        nonlocal step
        await pictures.want(connection, asset.id, wanted)
        # A step of its own for each choice: the same moment again may be of another upload.
        step = await steps.insert(connection, asset.id, StepKind.POSTER, {"wanted": wanted, "again": new_id("st")})

    async with context.pool.acquire() as connection, connection.transaction():
        await owe(connection)
    if step is not None:
        await context.hint([(step, StepKind.POSTER)])
    return _answer(context, await asked(request), status=202)


def _check_time(asset: Asset, time_s: float) -> None:
    """Raises Problem for a moment that the title does not have."""
    duration_s = (asset.summary or {}).get("duration_s")
    if asset.status is not AssetStatus.READY or duration_s is None:
        raise Problem(409, "not_ready", "There is no video yet to take a picture of.", hint="Wait until it is ready.")
    if time_s > duration_s:
        ends = f"The video ends at {duration_s:.3f} s."
        raise Problem(422, "invalid", ends, hint="Choose an earlier moment.", pointer="/time_s")


async def _stored(context: Context, asset: Asset, request: web.Request) -> dict[str, str]:
    """The picture in storage. What is in it is for the sandbox to find out. Raises Problem."""
    body = await request.read()
    if not body or request.content_type not in IMAGE_TYPES:
        raise Problem(422, "picture_refused", "This is no picture we take.", hint=_IMAGE_HINT)
    artifacts = ArtifactStore(storage=context.storage, bucket=context.settings.media_bucket)
    return {"own": (await artifacts.put(asset.id, body, request.content_type)).sha256}


def _answer(context: Context, asset: Asset, *, status: int = 200) -> web.Response:
    found = known(asset)
    poster, chosen = (found.poster, found.chosen) if found else (None, None)
    state: dict[str, Any] = {"by": None, "candidate": None, "time_s": None, "url": None, "images": []}
    state |= {"thumbhash": None, "colour": None}
    if poster is not None:
        state |= looks(PictureUrls(context, asset), "poster", poster)
        state["by"] = chosen.by if chosen else "kadr"
    if chosen is not None:
        state |= {"candidate": chosen.candidate, "time_s": chosen.time_s}
    elif poster is not None and found is not None and found.album is not None:
        first = found.album.candidates[0]
        state |= {"candidate": first.id, "time_s": first.time_s}
    shape = shapes.PosterShape(
        **state,
        waiting=found is not None and found.wanted is not None,
        fallback=found.album.fallback if found and found.album else None,
        error=shapes.Failure.model_validate(found.error) if found and found.error else None,
    )
    return answer(shape, status=status)
