"""What a player shows of a title before anything plays: size, duration, poster, and where everything else is.

Pages bring it in their HTML; on other people's pages the player asks for it. It begins no session.
"""

import re
from typing import Any
from urllib.parse import urlencode

import asyncpg
from aiohttp import web

from core.db import postgres
from core.db.pictures import Pictures
from core.media.encoded import RenditionKind
from core.model import AssetId
from origin.context import CONTEXT, Context
from origin.playback import sessions
from origin.playback.sessions import Content, Visitor

routes = web.RouteTableDef()
POSTER_WIDTH = 1280
WIDE = (16, 9)  # of a title without pictures


@routes.get("/play/{playback_id}/player.json")
async def show(request: web.Request) -> web.Response:
    """What a player shows before anything plays: title, duration, size, poster and the URLs of everything else.

    URLs are relative to this host. Nothing is counted, and no session begins.
    """
    visitor = await sessions.admitted(request)
    body = {"data": await facts(request.app[CONTEXT], visitor, request.query.get("token"))}
    return web.json_response(body, headers={"Cache-Control": "private, no-store"})


async def facts(context: Context, visitor: Visitor, token: str | None) -> dict[str, Any]:
    """The facts as studio/player/facts.ts declares them. Raises Problem where there is nothing to play."""
    content = await sessions.content_of(context, visitor, sessions.revision_of(visitor))
    pictures = await _pictures(context, visitor.published.asset_id)
    poster = pictures.poster if pictures else None
    board = pictures.album.storyboard if pictures and pictures.album else None
    width, height = size_of(content) or WIDE
    play, images = f"/play/{visitor.playback_id}", f"/image/{visitor.playback_id}"

    def url(path: str, **query: str | int) -> str:
        query |= {"token": token} if token else {}
        return f"{path}?{urlencode(query)}" if query else path

    poster_url = None
    if poster is not None:
        webp = poster.image(type="image/webp") is not None
        poster_url = url(f"{images}/poster.{'webp' if webp else 'jpg'}", width=POSTER_WIDTH, v=poster.version)
    own = visitor.published.chapters_version
    chapters = {"v": own} if own else {} if any(one.whole for one in content.subtitles) else None
    return {
        "playback_id": visitor.playback_id,
        "title": visitor.published.title,
        "duration_s": content.duration_s,
        "width": width,
        "height": height,
        "has_sound": any(one.kind is RenditionKind.AUDIO for one in content.renditions),
        "hls_url": url(f"{play}/index.m3u8"),
        "session_url": url(f"{play}/session"),
        "poster_url": poster_url,
        "thumbhash": poster.thumbhash if poster else None,
        "colour": poster.colour if poster and re.fullmatch(r"#[0-9a-f]{6}", poster.colour) else None,
        "storyboard_url": url(f"{images}/storyboard.vtt", v=board.version) if board else None,
        "chapters_url": url(f"{play}/chapters.vtt", **chapters) if chapters is not None else None,
    }


def size_of(content: Content) -> tuple[int, int] | None:
    """Width and height of the largest rendition; None without a picture."""
    videos = [one for one in content.renditions if one.kind is RenditionKind.VIDEO]
    return max(((one.width, one.height) for one in videos if one.width and one.height), default=None)


async def _pictures(context: Context, asset_id: AssetId) -> Pictures | None:
    """The images of the title; None where they cannot be read at the moment, as the video plays without."""
    try:
        return await context.pictures.get(asset_id)
    except (asyncpg.PostgresError, *postgres.UNAVAILABLE):
        return None
