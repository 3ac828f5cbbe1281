"""Routes of an asset's poster: the candidates, the current poster and a person's choice.

A person's choice always wins, also over later candidates. Choosing a candidate takes effect at once. For
a time of the video or an uploaded image a worker makes the poster, and the previous one stays until then.
"""

import hashlib
from dataclasses import asdict
from fractions import Fraction
from typing import Any

from aiohttp import web

from core.db import pictures, steps
from core.db.assets import Asset
from core.db.pictures import Choice
from core.db.postgres import Connection
from core.http.problems import Problem
from core.http.request_bodies import roomy
from core.model import AssetStatus, StepId, StepKind, new_id
from core.storage.artifact_store import ArtifactStore
from ingest.assets import requested_asset
from ingest.bodies import responses
from ingest.bodies.picture_urls import PictureUrls, known, looks
from ingest.bodies.requests import PosterChoice
from ingest.context import CONTEXT, Context, answer, body_of
from ingest.openapi import operation

routes = web.RouteTableDef()
MAX_IMAGE_BYTES = 20 * 1024 * 1024
IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/avif")
_IMAGE_HINT = f"Send a JPEG, PNG, WebP or AVIF of at most {MAX_IMAGE_BYTES // 2**20} MiB."


@routes.get("/v1/assets/{asset_id}/posters")
@operation(responses.CandidateShape, listing=True, errors=(404,))
async def show_candidates(request: web.Request) -> web.Response:
    """List the poster candidates, best first, each with its score and the reason."""
    shown = candidates(request.app[CONTEXT], await requested_asset(request))
    return answer([one.model_dump(mode="json") for one in shown], next_cursor=None)


def candidates(context: Context, asset: Asset) -> list[responses.CandidateShape]:
    """The poster candidates of an asset as the API shows them, best first."""
    current = known(asset)
    found = current.album.candidates if current and current.album else ()
    chosen = current.chosen.candidate if current and current.chosen else None
    urls = PictureUrls.of(context, asset)
    return [
        responses.CandidateShape(
            **{name: value for name, value in asdict(one).items() if name != "poster"},
            chosen=one.id == chosen,
            **looks(urls, one.id, one.poster),
        )
        for one in found
    ]


@routes.get("/v1/assets/{asset_id}/poster")
@operation(responses.PosterShape, errors=(404,))
async def show(request: web.Request) -> web.Response:
    """Show the current poster and who chose it."""
    return _answer(request.app[CONTEXT], await requested_asset(request))


@routes.put("/v1/assets/{asset_id}/poster")
@operation(responses.PosterShape, status=202, body=PosterChoice, errors=(404, 409), also_takes=IMAGE_TYPES)
@roomy(MAX_IMAGE_BYTES, _IMAGE_HINT)
async def choose(request: web.Request) -> web.Response:
    """Choose a candidate or a time of the video, or upload an image as the body."""
    context, asset = request.app[CONTEXT], await requested_asset(request)
    if request.content_type.startswith("image/"):
        image = await _image(request)
        return await _request_choice(request, asset, {"own": hashlib.sha256(image).hexdigest()}, image)
    body = await body_of(request, PosterChoice)
    if body.time_s is not None:
        _check_time(asset, body.time_s)
        return await _request_choice(request, asset, {"time_s": str(Fraction(body.time_s).limit_denominator(1000))})
    current = known(asset)
    listed = current.album.candidates if current and current.album else ()
    candidate = next((one for one in listed if one.id == body.candidate), None)
    if candidate is None:
        raise Problem(
            422,
            "invalid",
            "There is no such candidate.",
            hint="GET the asset's posters for the ids.",
            pointer="/candidate",
        )
    choice = Choice(by="candidate", poster=candidate.poster, candidate=candidate.id, time_s=candidate.time_s)
    async with context.pool.acquire() as connection, connection.transaction():
        await pictures.choose(connection, asset.id, choice)
    return _answer(context, await requested_asset(request), status=202)


@routes.delete("/v1/assets/{asset_id}/poster")
@operation(responses.PosterShape, errors=(404,))
async def leave(request: web.Request) -> web.Response:
    """Discard the choice; the best candidate becomes the poster again."""
    context, asset = request.app[CONTEXT], await requested_asset(request)
    async with context.pool.acquire() as connection, connection.transaction():
        await pictures.choose(connection, asset.id, None)
    return _answer(context, await requested_asset(request))


async def _request_choice(
    request: web.Request, asset: Asset, choice: dict[str, str], image: bytes | None = None
) -> web.Response:
    """Store the choice that a worker has to prepare, with the step for it and the image that it is made of."""
    context = request.app[CONTEXT]
    step: StepId | None = None

    async def enqueue(connection: Connection) -> None:
        nonlocal step
        # Always first, as the step needs the asset, too; and so that the image is not garbage before the row names it.
        await steps.lock_asset(connection, asset.id)
        if image is not None:
            artifacts = ArtifactStore(storage=context.storage, bucket=context.settings.media_bucket)
            await artifacts.put(asset.id, image, request.content_type, sha256=choice["own"])
        await pictures.want(connection, asset.id, choice)
        # A new step for each choice: the same time may refer to another upload later.
        step = await steps.insert(connection, asset.id, StepKind.POSTER, {"wanted": choice, "again": new_id("st")})

    async with context.pool.acquire() as connection, connection.transaction():
        await enqueue(connection)
    if step is not None:
        await context.hint([(step, StepKind.POSTER)])
    return _answer(context, await requested_asset(request), status=202)


def _check_time(asset: Asset, time_s: float) -> None:
    """Raises Problem: 409 before the asset is ready, 422 for a time beyond the end of the video."""
    duration_s = (asset.summary or {}).get("duration_s")
    if asset.status is not AssetStatus.READY or duration_s is None:
        raise Problem(409, "not_ready", "The video is not ready yet.", hint="Wait until the asset's status is ready.")
    if time_s > duration_s:
        message = f"The video ends at {duration_s:.3f} s."
        raise Problem(422, "invalid", message, hint="Choose an earlier time.", pointer="/time_s")


async def _image(request: web.Request) -> bytes:
    """The uploaded image, which is decoded in the sandbox only. Raises Problem(422) for a type that is not accepted."""
    body = await request.read()
    if not body or request.content_type not in IMAGE_TYPES:
        raise Problem(422, "picture_refused", "Unsupported or invalid image.", hint=_IMAGE_HINT)
    return body


def _answer(context: Context, asset: Asset, *, status: int = 200) -> web.Response:
    return answer(current_poster(context, asset), status=status)


def current_poster(context: Context, asset: Asset) -> responses.PosterShape:
    """The current poster of an asset as the API shows it, who chose it, and whether another one is being made."""
    current = known(asset)
    poster, chosen = (current.poster, current.chosen) if current else (None, None)
    state: dict[str, Any] = {"by": None, "candidate": None, "time_s": None, "url": None, "images": []}
    state |= {"thumbhash": None, "colour": None}
    if poster is not None:
        state |= looks(PictureUrls.of(context, asset), "poster", poster)
        state["by"] = chosen.by if chosen else "kadr"
    if chosen is not None:
        state |= {"candidate": chosen.candidate, "time_s": chosen.time_s}
    elif poster is not None and current is not None and current.album is not None:
        first = current.album.candidates[0]
        state |= {"candidate": first.id, "time_s": first.time_s}
    return responses.PosterShape(
        **state,
        waiting=current is not None and current.wanted is not None,
        fallback=current.album.fallback if current and current.album else None,
        error=responses.Failure.model_validate(current.error) if current and current.error else None,
    )
