"""The page of one title: the player, what was made of it, and everything that its owner can change.

Each form is answered by the API's own handler and leads back to the page, with a sentence where it was refused.
"""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from core.db.assets import Asset
from core.http.problems import Problem, from_validation
from core.model import PlaybackId
from ingest import assets as api
from ingest import playback, posters
from ingest.assets import requested_asset
from ingest.bodies.asset_response import shown
from ingest.context import CONTEXT, Context
from ingest.play_urls import embed_url, play_url, preview_token, sign
from ingest.studio import listing_form, shell
from ingest.studio.made import made_of
from ingest.studio.page import language
from ingest.studio.upload import UPLOAD_TEXTS
from seo.player_frame import fluid_frame
from subtitles.cues.own_chapters import as_lines, from_stored

routes = web.RouteTableDef()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
FORMS: dict[str, Handler] = {
    "details": api.change,
    "poster": posters.choose,
    "poster-auto": posters.leave,
    "retry": api.retry,
    "reprocess": api.reprocess,
}


@routes.get("/studio/assets/{asset_id}")
async def show(request: web.Request) -> web.Response:
    """The page of a title."""
    return await show_page(request)


@routes.post("/studio/assets/{asset_id}/{form:details|poster|poster-auto|retry|reprocess}")
async def change(request: web.Request) -> web.Response:
    """Do what a form asks for, as the API's call of the same name does."""
    name = request.match_info["form"]
    try:
        await FORMS[name](request)
    except ValidationError as exc:
        return await refused(request, from_validation(exc))
    except Problem as exc:
        return await refused(request, exc)
    raise web.HTTPSeeOther(f"/studio/assets/{request.match_info['asset_id']}?saved={name}#{name}")


@routes.post("/studio/assets/{asset_id}/{form:trim}")
async def trim(request: web.Request) -> web.Response:
    """Make a title of its own from a part of this one, and go there."""
    try:
        made = await api.pull(request)
    except ValidationError as exc:
        return await refused(request, from_validation(exc))
    except Problem as exc:
        return await refused(request, exc)
    raise web.HTTPSeeOther(f"/studio/assets/{shell.data_of(made)['id']}")


@routes.post("/studio/assets/{asset_id}/{form:links}/{playback_id}")
async def link(request: web.Request) -> web.Response:
    """Sign links for one viewer, and show them: they are stored nowhere."""
    try:
        made = shell.data_of(await playback.token(request))
    except ValidationError as exc:
        return await refused(request, from_validation(exc))
    except Problem as exc:
        return await refused(request, exc)
    return await show_page(request, links=made)


@routes.post("/studio/assets/{asset_id}/delete")
async def delete(request: web.Request) -> web.Response:
    """Ask whether the title is to be deleted, and delete it once that was confirmed."""
    context, asset = request.app[CONTEXT], await requested_asset(request)
    if (await request.post()).get("confirmed") != "yes":
        listed = [shown(context, asset).model_dump(mode="json")]
        title, back = shell.texts(request)("studio.delete_title"), f"/studio/assets/{asset.id}"
        return shell.show(request, "delete.html", title=title, assets=listed, back=back)
    await api.delete_asset(context, asset)
    raise web.HTTPSeeOther("/studio/library?deleted=1")


async def refused(request: web.Request, problem: Problem) -> web.Response:
    """The page with what is wrong beside the form that it is about, in which everything stays as it was written."""
    return await show_page(request, problem=shell.refused(request, problem), status=problem.status)


async def show_page(
    request: web.Request, *, problem: str | None = None, status: int = 200, links: Any = None
) -> web.Response:
    """The page. `problem`: why the form that was sent is refused."""
    context, asset = request.app[CONTEXT], await requested_asset(request)
    told = shown(context, asset).model_dump(mode="json")
    first = PlaybackId(asset.playback_ids[0]["id"]) if asset.playback_ids else None
    found = posters.candidates(context, asset)
    values: dict[str, Any] = {
        "asset": told,
        "candidates": [one.model_dump(mode="json") for one in found],
        "poster": posters.current_poster(context, asset).model_dump(mode="json"),
        "preview_token": preview_token(context, first, request.url.host or "") if first else None,
        "frame": fluid_frame(embed_url(context, first, None), asset.title, _ratio(told)) if first else None,
        "links": links,
        "listing": {
            "found": listing_form.found(asset, shell.texts(request)),
            "last_day": listing_form.last_day(asset.expires_at),
        },
        "made": made_of(told, language(request), shell.texts(request)),
        "form": request.match_info.get("form"),
        "fields": {**_fields(asset, told), **await _written(request, refused=problem is not None)},
        "automatic_chapters_url": _automatic_chapters(context, asset, first),
        "poster_texts": shell.texts_of(request, ("code.", "studio.poster_")),
        "uploads_texts": shell.texts_of(request, UPLOAD_TEXTS),
        "owner": asset.owner_id,
        "problem": problem,
        "saved": request.query.get("saved"),
    }
    return shell.show(
        request,
        "asset.html",
        title=asset.title,
        player=True,
        status=status,
        path=f"/studio/assets/{asset.id}",
        **values,
    )


def _ratio(told: dict[str, Any]) -> str:
    """The shape of a title as CSS writes it."""
    return str(told["aspect_ratio"] or "16:9").replace(":", " / ")


def _fields(asset: Asset, told: dict[str, Any]) -> dict[str, str]:
    """What stands in the fields of the page's forms, by name."""
    ref = told["ref"]
    return {
        "title": asset.title,
        "ref": f"{ref['type']}:{ref['id']}" if ref else "",
        "language": asset.language or "",
        "policy": told["policy"],
        "allowed_domains": "\n".join(told["allowed_domains"]),
        "chapters": as_lines(from_stored(asset.chapters)),
        "start_s": "0",
        "end_s": str(int((told["duration_s"] or 0) * 100) / 100),
        "viewer": "",
    }


async def _written(request: web.Request, *, refused: bool) -> dict[str, str]:
    """What somebody wrote into a form that was refused: else it would have to be written again."""
    return {name: str(value) for name, value in (await request.post()).items()} if refused else {}


def _automatic_chapters(context: Context, asset: Asset, first: PlaybackId | None) -> str | None:
    """Where the chapters are that were made from the captions; None where there are no captions, or own chapters."""
    captioned = any(track["kind"] != "audio" and track["status"] == "ready" for track in asset.tracks)
    if first is None or asset.chapters or not captioned:
        return None
    return play_url(context, first, sign(context, first, context.settings.playback_token_ttl_s)[1], "chapters.json")
