"""The watch page: one video in a player of hls.js and media-chrome, with thumbnails on its time line."""

from html import escape
from string import Template

import asyncpg
from aiohttp import web

from core.db import postgres
from core.db.pictures import Pictures
from core.http.problems import Problem
from origin.context import CONTEXT
from origin.playback import sessions
from origin.playback.session import Session
from studio import STATIC

routes = web.RouteTableDef()
HEADERS = {
    "Cache-Control": "private, no-store",
    # The controls bring their styles in their own markup; hls.js gives each text track an empty text as its source.
    "Content-Security-Policy": "default-src 'self'; media-src 'self' blob: data:; worker-src 'self' blob:; "
    "base-uri 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_PLAYER = """<media-controller>
    <video slot="media" playsinline{poster} data-src="{source}" data-session="{session}">{tracks}</video>
    <media-loading-indicator slot="centered-chrome" noautohide></media-loading-indicator>
    <media-control-bar>
      <media-play-button></media-play-button>
      <media-mute-button></media-mute-button>
      <media-volume-range></media-volume-range>
      <media-time-range></media-time-range>
      <media-time-display showduration></media-time-display>
      <media-captions-button></media-captions-button>
      <media-fullscreen-button></media-fullscreen-button>
    </media-control-bar>
  </media-controller>
  <p class="facts"></p>
  <p class="error" role="alert" hidden></p>
  <script src="/static/vendor/media-chrome.js"></script>
  <script src="/static/vendor/hls.min.js"></script>
  <script src="/static/keep_cues.js"></script>
  <script src="/static/watch.js"></script>"""
_CHAPTERS = """
      <track kind="chapters" default src="{source}">"""
_THUMBNAILS = """
      <track kind="metadata" label="thumbnails" default src="{source}">"""
_CHOOSE = """<form id="choose">
  <input name="id" placeholder="pb_..." aria-label="Playback id" required pattern="pb_[0-9a-z]+">
  <button>Watch</button></form>
  <p class="hint">Every asset names its playback ids and its watch page: see <code>watch_url</code> in the API.</p>
  <script src="/static/choose.js"></script>"""


def _page(title: str, content: str, *, status: int = 200, refresh_s: int | None = None) -> web.Response:
    template = Template((STATIC / "watch.html").read_text("utf-8"))
    refresh = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s else ""
    text = template.substitute(title=escape(title), content=content, refresh=refresh)
    return web.Response(text=text, content_type="text/html", status=status, headers=HEADERS)


@routes.get("/watch")
@routes.get("/watch/")
async def choose(_: web.Request) -> web.Response:
    """A form for a playback id."""
    return _page("Watch", _CHOOSE)


@routes.get("/watch/{playback_id}")
async def watch(request: web.Request) -> web.Response:
    """The player, or why the video cannot be played. The title's name is shown only to those who may watch it."""
    try:
        session = await sessions.start(request)
    except Problem as exc:
        not_ready = exc.code == "not_ready"
        if not_ready:
            message = '<p role="status">The video is being prepared. This page shows it as soon as it is ready.</p>'
        else:
            message = f'<p class="error" role="alert">{escape(str(exc))} {escape(exc.hint or "")}</p>'
        return _page("Video", message, status=200 if not_ready else exc.status, refresh_s=3 if not_ready else None)
    query = f"?{request.query_string}" if request.query_string else ""
    pictures = await _pictures(request, session)
    images = f"/image/{session.playback_id}"
    poster = f' poster="{escape(f"{images}/poster.jpg{query}")}"' if pictures and pictures.poster else ""
    board = pictures.album.storyboard if pictures and pictures.album else None
    tracks = _THUMBNAILS.format(source=escape(f"{images}/storyboard.vtt{query}")) if board else ""
    if session.subtitles:
        tracks += _CHAPTERS.format(source=escape(f"/play/{session.playback_id}/chapters.vtt{query}"))
    source = escape(f"/play/{session.playback_id}/index.m3u8{query}")
    renewal = escape(f"/play/{session.playback_id}/session{query}")
    return _page(session.title, _PLAYER.format(source=source, session=renewal, poster=poster, tracks=tracks))


async def _pictures(request: web.Request, session: Session) -> Pictures | None:
    """The images of the title; None where they cannot be read at the moment, as the video plays without."""
    try:
        return await request.app[CONTEXT].pictures.get(session.asset_id)
    except (asyncpg.PostgresError, *postgres.UNAVAILABLE):
        return None
