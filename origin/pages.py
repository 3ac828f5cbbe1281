"""The watch page: one video with hls.js, so that a person can see it play."""

from html import escape
from string import Template

from aiohttp import web

from core.problems import Problem
from origin import sessions
from studio import STATIC

routes = web.RouteTableDef()
HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_PLAYER = """<video controls playsinline data-src="{source}"></video>
  <p class="facts"></p>
  <p class="error" role="alert" hidden></p>
  <script src="/static/vendor/hls.min.js"></script>
  <script src="/static/keep_cues.js"></script>
  <script src="/static/watch.js"></script>"""
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
    """A playback id, please."""
    return _page("Watch", _CHOOSE)


@routes.get("/watch/{playback_id}")
async def watch(request: web.Request) -> web.Response:
    """The player, or a sentence on why there is none yet. The title is shown only to those who may watch."""
    try:
        session = await sessions.start(request)
    except Problem as exc:
        waiting = exc.code == "not_ready"
        if waiting:
            message = '<p role="status">The video is being prepared. This page shows it as soon as it is ready.</p>'
        else:
            message = f'<p class="error" role="alert">{escape(str(exc))} {escape(exc.hint or "")}</p>'
        return _page("Video", message, status=200 if waiting else exc.status, refresh_s=3 if waiting else None)
    query = f"?{request.query_string}" if request.query_string else ""
    source = f"/play/{request.match_info['playback_id']}/index.m3u8{query}"
    return _page(session.title, _PLAYER.format(source=escape(source)))
