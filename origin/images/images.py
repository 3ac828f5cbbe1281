"""Images of a title: its poster, the other candidates, storyboard, preview, and the frame at any time.

A URL that names its version (`v`) never changes and may be cached for a year; without it, it is the current image, for
a minute. The title's policy and tokens apply as to its playback; a title that is being encoded has its images already.
"""

import re
from collections.abc import Callable
from fractions import Fraction
from typing import TypeVar

from aiohttp import web

from core.caching.refreshing_cache import CacheBusy
from core.db.pictures import Image, Pictures, Poster, Storyboard
from core.errors import Rejected
from core.http import problems
from core.http.client_address import home_of
from core.http.problems import Problem
from core.model import Policy
from core.storage import keys
from origin import access
from origin.context import CONTEXT
from origin.delivery.send import lasting, send_file, send_text
from origin.images import stills
from origin.playback import sessions
from origin.playback.sessions import Visitor
from packager.encryption import Encryption
from packager.revision import VTT_TYPE, File
from thumbnails.images import storyboard

routes = web.RouteTableDef()
MAX_AGE_S = 60
TYPES = {"jpg": "image/jpeg", "webp": "image/webp", "avif": "image/avif"}
JSON_TYPE = "application/json"
Picked = TypeVar("Picked")
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)


@routes.get(r"/image/{playback_id}/{name:poster|c[0-9a-f]{12}}.{extension:jpg|webp|avif}")
async def poster(request: web.Request) -> web.StreamResponse:
    """The poster or one of its candidates, at least `width` pixels wide, cropped to `shape` 16x9, 1x1 or 9x16."""
    name, content_type = request.match_info["name"], TYPES[request.match_info["extension"]]
    visitor, chosen = await _find(
        request, lambda pictures: pictures.poster if name == "poster" else _candidate(pictures, name)
    )
    width = _number(request, "width", least=1, most=8192)
    image = chosen.image(shape=request.query.get("shape", "full"), type=content_type, width=width)
    if image is None and request.query.get("shape") in ("16x9", "1x1", "9x16"):
        image = chosen.image(type=content_type, width=width)  # it has that shape uncropped
    if image is None:
        raise _no_such_image()
    return await _send(request, visitor, image, chosen.version)


@routes.get("/image/{playback_id}/preview.webp")
async def preview(request: web.Request) -> web.StreamResponse:
    """A short animated preview."""
    visitor, image = await _find(request, lambda pictures: pictures.album.preview if pictures.album else None)
    return await _send(request, visitor, image, image.sha256[:12])


@routes.get(r"/image/{playback_id}/sheet-{number:[0-9]{1,4}}.jpg")
async def sheet(request: web.Request) -> web.StreamResponse:
    """One sheet of storyboard tiles."""
    visitor, board = await _find(request, _storyboard)
    number = int(request.match_info["number"])
    if number >= len(board.sheets):
        raise _no_such_image()
    return await _send(request, visitor, board.sheets[number], board.version)


@routes.get(r"/image/{playback_id}/storyboard.{extension:vtt|json}")
async def tiles(request: web.Request) -> web.Response:
    """Which tile of which sheet shows which time: WebVTT with media fragments, or JSON."""
    visitor, board = await _find(request, _storyboard)
    plan = storyboard.plan(Fraction(board.duration_ms, 1000), board.shown_width, board.shown_height)
    token = request.query.get("token")
    query = f"?v={board.version}" + (f"&token={token}" if token else "")
    as_text = request.match_info["extension"] == "vtt"
    write = storyboard.webvtt if as_text else storyboard.listing
    text = write(plan, lambda number: f"{storyboard.sheet_name(number)}{query}")
    headers = {
        "Content-Type": VTT_TYPE if as_text else JSON_TYPE,
        "Cache-Control": _cache_control(visitor, request.query.get("v") == board.version),
    }
    if token:  # differs for each viewer: its gzipped form would be of no use to others
        return web.Response(body=text.encode(), headers=headers)
    return await send_text(request, text.encode(), headers)


@routes.get("/image/{playback_id}/thumbnail.{extension:jpg|webp}")
async def thumbnail(request: web.Request) -> web.Response:
    """The frame at `time` seconds, at least `width` pixels wide where the title is."""
    context, visitor = request.app[CONTEXT], await sessions.visitor_of(request)
    width, time_s = _number(request, "width", least=16, most=1920), _seconds(request)
    asset_id, revision_id = visitor.published.asset_id, sessions.revision_of(visitor)
    kind = request.match_info["extension"]
    manifest = await access.ready_manifest(context, asset_id, revision_id)
    still = stills.nearest_still(asset_id, revision_id, manifest, time_s, width, kind)
    if still is None or manifest.encryption is not Encryption.NONE:
        raise Problem(404, "not_found", "This video has no thumbnails at a time.", hint="Use its poster.")
    try:
        with access.missing_is_removed():
            body = await context.stills.get(still, home_of(sessions.visit_of(context, request).address))
    except Rejected as exc:
        raise Problem(404, "not_found", str(exc), hint=exc.hint) from exc
    except CacheBusy:
        refusal = Problem(503, "busy", "Too many thumbnails are being made.", hint="Try again in a moment.")
        return problems.response(refusal, {"Retry-After": "1"})
    headers = {"Content-Type": TYPES[kind], "Cache-Control": _cache_control(visitor, versioned=False)}
    return web.Response(body=body, headers=headers)


async def _find(request: web.Request, pick: Callable[[Pictures], Picked | None]) -> tuple[Visitor, Picked]:
    """The visitor, and what `pick` finds among the title's images. Raises Problem as a session does, and 404.

    Who has the version of an image has it from the API, which may have seen the image before this process.
    """
    visitor = await sessions.visitor_of(request)

    async def look() -> Picked | None:
        pictures = await request.app[CONTEXT].pictures.get(visitor.published.asset_id)
        return None if pictures is None else pick(pictures)

    picked = await (access.look_twice(look) if "v" in request.query else look())
    if picked is None:
        raise _no_such_image()
    return visitor, picked


def _storyboard(pictures: Pictures) -> Storyboard | None:
    return pictures.album.storyboard if pictures.album else None


def _candidate(pictures: Pictures, name: str) -> Poster | None:
    candidates = pictures.album.candidates if pictures.album else ()
    return next((candidate.poster for candidate in candidates if candidate.id == name), None)


async def _send(request: web.Request, visitor: Visitor, image: Image, version: str) -> web.StreamResponse:
    file = File(
        key=keys.media_object(visitor.published.asset_id, image.sha256),
        size_bytes=image.size_bytes,
        sha256=image.sha256,
        type=image.type,
    )
    cache_control = _cache_control(visitor, request.query.get("v") == version)
    with access.missing_is_removed():
        return await send_file(request, file, {"Cache-Control": cache_control, "X-Content-Type-Options": "nosniff"})


def _cache_control(visitor: Visitor, versioned: bool) -> str:
    """Images of a signed title may be stored by the viewer's own cache only."""
    public = visitor.published.policy is Policy.PUBLIC
    if versioned:  # shared caches ask again sooner than for other files, because images are not purged
        return lasting(MAX_AGE_S if public else None)
    return f"{'public' if public else 'private'}, max-age={MAX_AGE_S}"


def _number(request: web.Request, name: str, *, least: int, most: int) -> int | None:
    """A whole number of the query, or None without it. Raises Problem(422)."""
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and least <= int(text) <= most):
        detail = f"{name} must be a whole number from {least} to {most}."
        raise Problem(422, "invalid", detail, hint=f"Leave {name} out, or correct it.")
    return int(text)


def _seconds(request: web.Request) -> Fraction:
    """`time` of the query in seconds, 0 without it. Raises Problem(422)."""
    text = request.query.get("time", "0")
    if not _SECONDS.fullmatch(text):
        raise Problem(422, "invalid", "time must be in seconds.", hint="As in time=12.5.")
    return Fraction(text)


def _no_such_image() -> Problem:
    return Problem(404, "not_found", "There is no such image.", hint="It may still be in the making.")
