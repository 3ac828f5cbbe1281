"""The page on which somebody corrects the captions of a title, beside the player.

Without scripts it is a form with their text as WebVTT; with scripts a list of captions (studio/captions/).
"""

import json
from typing import Any

from aiohttp import web
from pydantic import ValidationError

from core.http.problems import Problem, from_validation
from core.http.request_bodies import roomy
from core.model import PlaybackId
from ingest import tracks
from ingest.assets import requested_asset
from ingest.bodies.asset_response import shown
from ingest.bodies.track_requests import NewTrack
from ingest.context import CONTEXT
from ingest.play_urls import preview_token
from ingest.studio import asset as asset_page
from ingest.studio import cue_rules, shell

routes = web.RouteTableDef()
FORM_BYTES = 3 * tracks.MAX_BODY_BYTES  # a form writes most characters as three


@routes.post("/studio/assets/{asset_id}/{form:captions}")
@roomy(FORM_BYTES)
async def add(request: web.Request) -> web.Response:
    """Add captions: of a text, which is shown to be edited, or of the speech."""
    form = await request.post()
    language, text = str(form.get("caption_language", "")).strip() or None, str(form.get("text", ""))
    content = {"generate": {"language": language}} if "generate" in form else {"language": language, "text": text}
    try:
        track = await tracks.added(request, NewTrack.model_validate(content))
    except ValidationError as exc:
        return await asset_page.refused(request, from_validation(exc))
    except Problem as exc:
        return await asset_page.refused(request, exc)
    page = f"/studio/assets/{track.asset_id}"
    raise web.HTTPSeeOther(f"{page}?saved=captions#captions" if track.made is None else f"{page}/captions/{track.id}")


@routes.get("/studio/assets/{asset_id}/captions/{track_id}")
async def show(request: web.Request) -> web.Response:
    """The text of the captions, to be changed."""
    return await _page(request)


@routes.post("/studio/assets/{asset_id}/captions/{track_id}")
@roomy(FORM_BYTES)
async def save(request: web.Request) -> web.Response:
    """Store the text. Where it has changed meanwhile, both are shown."""
    try:
        await tracks.write(request)
    except ValidationError as exc:
        return await _page(request, problem=shell.refused(request, from_validation(exc)), status=422)
    except Problem as exc:
        return await _page(request, problem=shell.refused(request, exc), status=exc.status)
    raise web.HTTPSeeOther(f"{request.path}?saved=1")


async def _page(request: web.Request, *, problem: str | None = None, status: int = 200) -> web.Response:
    context, asset = request.app[CONTEXT], await requested_asset(request)
    shape, profile = await tracks.requested_with_text(request)
    track: dict[str, Any] = shape.model_dump(mode="json")
    mine = str((await request.post()).get("text", "")) if status != 200 else None
    return shell.show(
        request,
        "captions.html",
        title=shell.texts(request)("studio.captions_of", title=asset.title),
        player=True,
        status=status,
        asset=shown(context, asset).model_dump(mode="json"),
        track=track,
        mine=mine,
        rules_json=json.dumps(cue_rules.of(profile, shape.language)),
        texts_json=shell.texts_of(request, ("captions.", "code.", "studio.save")),
        preview_token=preview_token(context, PlaybackId(asset.playback_ids[0]["id"]), request.url.host or ""),
        problem=problem,
        saved=request.query.get("saved"),
    )
