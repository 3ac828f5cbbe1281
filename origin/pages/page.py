"""A page as an HTTP response: its language, and the policy of what it may load."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from core.http.problems import Problem
from origin.context import CONTEXT, Context
from studio import pages
from studio.texts import catalogue, language_of, text_in


def page(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    frame_ancestors: Iterable[str] = ("'none'",),
    headers: dict[str, str] | None = None,
    **values: Any,
) -> web.Response:
    """The rendered template. `frame_ancestors`: the pages that may show this one in a frame, as CSP names them."""
    policy = content_security_policy(request.app[CONTEXT], frame_ancestors)
    return web.Response(
        text=pages.render(template, language(request), **values),
        content_type="text/html",
        status=status,
        headers={
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "strict-origin-when-cross-origin",
            "Vary": "Accept-Language",
            "X-Content-Type-Options": "nosniff",
            **(headers or {}),
        },
    )


def refusal(request: web.Request, problem: Problem, **more: Any) -> web.Response:
    """A page that says in words why the video cannot be played; one that is being prepared loads itself again."""
    lang = language(request)
    text = text_in(lang)
    preparing = problem.code == "not_ready"
    known = catalogue(lang).get("error.busy" if problem.status >= 500 else f"error.{problem.code}")
    return page(
        request,
        "message.html",
        status=200 if preparing else problem.status,
        title=text("player.video") if preparing else text("watch.unavailable"),
        words=text("watch.preparing") if preparing else known or str(problem),
        preparing=preparing,
        **more,
    )


def language(request: web.Request) -> str:
    """The language of the page: `lang` of the query, or the reader's."""
    return language_of(request.headers.get("Accept-Language", ""), request.query.get("lang"))


def start_of(text: str | None) -> str | None:
    """`t` of a query, where playback starts in seconds, as it was written; None for anything but a number."""
    return text if text and text.isascii() and text.replace(".", "", 1).isdigit() and len(text) <= 10 else None


def content_security_policy(context: Context, frame_ancestors: Iterable[str]) -> str:
    """What a page with a player may load: its own scripts, and media and pictures of this origin and the CDNs.

    media-chrome brings its styles in its own markup, and hls.js gives each text track an empty text as its source.
    """
    base_urls = [context.settings.origin_base, *(cdn.base_url for cdn in context.pathways.cdns.all)]
    hosts = " ".join(dict.fromkeys(["'self'", *map(_origin, base_urls)]))
    directives = {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self' 'unsafe-inline'",
        "connect-src": hosts,
        "media-src": f"{hosts} blob: data:",
        "img-src": f"{hosts} data:",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": " ".join(frame_ancestors),
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
