"""Pictures of a title: its poster, the other candidates, storyboard, preview, and the frame at any time.

An address that names its version (`v`) never changes and may be kept for good; without it, it is what is shown now, for
a minute. Asked for as the policy says; a title that is still being made has its pictures already.
"""

import re
from fractions import Fraction

from aiohttp import web

from core import keys, problems
from core.errors import ObjectMissing, Rejected
from core.model import AssetId, Policy
from core.pictures import Image, Pictures, Poster
from core.problems import Problem
from origin import sessions, stills
from origin.context import CONTEXT
from origin.files import compressed, serve
from origin.sessions import Visitor
from origin.stills import Busy
from packager.encryption import Encryption
from packager.revision import VTT_TYPE, File
from thumbnails import storyboard

routes = web.RouteTableDef()
KEPT_S, KEPT_FOR_GOOD_S = 60, 31_536_000
TYPES = {"jpg": "image/jpeg", "webp": "image/webp", "avif": "image/avif"}
JSON_TYPE = "application/json"
_SECONDS = re.compile(r"[0-9]{1,6}(\.[0-9]{1,6})?", re.ASCII)


@routes.get(r"/image/{playback_id}/{name:poster|c[0-9a-f]{12}}.{extension:jpg|webp|avif}")
async def poster(request: web.Request) -> web.StreamResponse:
    """The poster or one of its candidates: `width` at least, and `shape` 16x9, 1x1 or 9x16."""
    visitor, found = await _pictures(request)
    name, kind = request.match_info["name"], TYPES[request.match_info["extension"]]
    shown = found.poster if name == "poster" else _candidate(found, name)
    if shown is None:
        raise _absent()
    width = _number(request, "width", least=1, most=8192)
    image = shown.image(shape=request.query.get("shape", "full"), type=kind, width=width)
    if image is None and request.query.get("shape") in ("16x9", "1x1", "9x16"):
        image = shown.image(type=kind, width=width)  # the picture has that shape itself
    if image is None:
        raise _absent()
    return await _sent(request, visitor, found.asset_id, image, shown.version)


@routes.get("/image/{playback_id}/preview.webp")
async def preview(request: web.Request) -> web.StreamResponse:
    """A few seconds that move."""
    visitor, found = await _pictures(request)
    image = found.album.preview if found.album else None
    if image is None:
        raise _absent()
    return await _sent(request, visitor, found.asset_id, image, image.sha256[:12])


@routes.get(r"/image/{playback_id}/sheet-{number:[0-9]{1,4}}.jpg")
async def sheet(request: web.Request) -> web.StreamResponse:
    """Tiles of the storyboard."""
    visitor, found = await _pictures(request)
    board, number = found.album.storyboard if found.album else None, int(request.match_info["number"])
    if board is None or number >= len(board.sheets):
        raise _absent()
    return await _sent(request, visitor, found.asset_id, board.sheets[number], board.version)


@routes.get(r"/image/{playback_id}/storyboard.{extension:vtt|json}")
async def tiles(request: web.Request) -> web.Response:
    """Where each tile is, as players take it: WebVTT with media fragments, or JSON."""
    visitor, found = await _pictures(request)
    board = found.album.storyboard if found.album else None
    if board is None:
        raise _absent()
    planned = storyboard.plan(Fraction(board.duration_ms, 1000), board.shown_width, board.shown_height)
    token = request.query.get("token")
    query = f"?v={board.version}" + (f"&token={token}" if token else "")
    as_text = request.match_info["extension"] == "vtt"
    write = storyboard.webvtt if as_text else storyboard.listing
    text = write(planned, lambda number: f"{storyboard.sheet_name(number)}{query}")
    headers = {
        "Content-Type": VTT_TYPE if as_text else JSON_TYPE,
        "Cache-Control": _kept(visitor, request.query.get("v") == board.version),
    }
    if token:  # a text of its own for each viewer: nothing to keep zipped for others
        return web.Response(body=text.encode(), headers=headers)
    return compressed(request, text.encode(), headers)


@routes.get("/image/{playback_id}/thumbnail.{extension:jpg|webp}")
async def thumbnail(request: web.Request) -> web.Response:
    """The frame at `time` seconds, at least `width` wide where the title is."""
    context, visitor = request.app[CONTEXT], await sessions.visitor_of(request)
    width, time_s = _number(request, "width", least=16, most=1920), _seconds(request)
    asset_id, revision_id = visitor.published.asset_id, sessions.revision_of(visitor)
    kind = request.match_info["extension"]
    try:
        manifest = await context.manifests.get(asset_id, revision_id)
        picture = stills.wanted(asset_id, revision_id, manifest, time_s, width, kind)
        if picture is None or manifest.encryption is not Encryption.NONE:
            raise Problem(404, "not_found", "This video has no such pictures.", hint="Its poster may do.")
        body = await context.stills.get(manifest, picture)
    except ObjectMissing as exc:  # still growing: its first revision has no manifest
        raise Problem(404, "not_ready", "The video is not ready yet.", hint="Try again in a moment.") from exc
    except Rejected as exc:
        raise Problem(404, "not_found", str(exc), hint=exc.hint) from exc
    except Busy as exc:
        refusal = Problem(503, "busy", str(exc), hint="Try again in a moment.")
        return problems.response(refusal, {"Retry-After": "1"})
    headers = {"Content-Type": TYPES[kind], "Cache-Control": _kept(visitor, versioned=False)}
    return web.Response(body=body, headers=headers)


async def _pictures(request: web.Request) -> tuple[Visitor, Pictures]:
    """Raises Problem: as a session would be refused, or where nothing was made yet."""
    visitor = await sessions.visitor_of(request)
    found = await request.app[CONTEXT].pictures.get(visitor.published.asset_id)
    if found is None:
        raise _absent()
    return visitor, found


def _candidate(found: Pictures, name: str) -> Poster | None:
    candidates = found.album.candidates if found.album else ()
    return next((one.poster for one in candidates if one.id == name), None)


async def _sent(
    request: web.Request, visitor: Visitor, asset_id: AssetId, image: Image, version: str
) -> web.StreamResponse:
    file = File(
        key=keys.media_object(asset_id, image.sha256),
        size_bytes=image.size_bytes,
        sha256=image.sha256,
        type=image.type,
    )
    kept = _kept(visitor, request.query.get("v") == version)
    try:
        return await serve(request, file, {"Cache-Control": kept, "X-Content-Type-Options": "nosniff"})
    except ObjectMissing as exc:  # the asset was deleted while its pictures were known here
        raise Problem(410, "gone", "This video is no longer shown.") from exc


def _kept(visitor: Visitor, versioned: bool) -> str:
    """A picture of a signed title is for whoever showed the token."""
    whom = "public" if visitor.published.policy is Policy.PUBLIC else "private"
    if versioned:
        # Shared caches ask again, so that a takedown reaches them: they have no purge of these.
        shared = f", s-maxage={KEPT_S}" if whom == "public" else ""
        return f"{whom}, max-age={KEPT_FOR_GOOD_S}{shared}, immutable"
    return f"{whom}, max-age={KEPT_S}"


def _number(request: web.Request, name: str, *, least: int, most: int) -> int | None:
    """Raises Problem(422)."""
    text = request.query.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and least <= int(text) <= most):
        told = f"{name} is a whole number from {least} to {most}."
        raise Problem(422, "invalid", told, hint=f"Leave {name} out, or correct it.")
    return int(text)


def _seconds(request: web.Request) -> Fraction:
    """Raises Problem(422)."""
    text = request.query.get("time", "0")
    if not _SECONDS.fullmatch(text):
        raise Problem(422, "invalid", "time is in seconds.", hint="As in time=12.5.")
    return Fraction(text)


def _absent() -> Problem:
    return Problem(404, "not_found", "There is no such picture.", hint="It may be being made: try again in a moment.")
