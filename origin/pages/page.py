"""A page as an HTTP response: its language, and the policy of what it may load."""

import re
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from core.http.problems import Problem
from origin.context import CONTEXT, Context
from studio import pages
from studio.texts import catalogue, language_of, text_in

_START = re.compile(r"(?:(\d{1,3})h)?(?:(\d{1,4})m)?(?:(\d{1,6}(?:\.\d{1,6})?)s?)?", re.ASCII)


def page(
    request: web.Request,
    template: str,
    *,
    status: int = 200,
    frame_ancestors: Iterable[str] = ("'none'",),
    headers: dict[str, str] | None = None,
    robots: str = "noindex",
    lang: str | None = None,
    **values: Any,
) -> web.Response:
    """The rendered template, in the language `lang` or the reader's.

    `frame_ancestors`: the pages that may show this one in a frame, as CSP names them. `robots`: what search engines may
    do with it.
    """
    policy = content_security_policy(request.app[CONTEXT], frame_ancestors)
    return web.Response(
        text=pages.render(template, lang or language(request), robots=robots, **values),
        content_type="text/html",
        status=status,
        headers={
            "Cache-Control": "private, no-store",
            "Content-Security-Policy": policy,
            "Referrer-Policy": "strict-origin-when-cross-origin",
            **({} if lang else {"Vary": "Accept-Language"}),
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": robots,
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
    """The language of the page: that of its path, `lang` of the query, or the reader's."""
    wanted = request.match_info.get("lang") or request.query.get("lang")
    return language_of(request.headers.get("Accept-Language", ""), wanted)


def start_of(text: str | None) -> str | None:
    """`t` of a query, where playback starts, in seconds: "90", "90s" and "1m30s"; None for anything else."""
    parts = _START.fullmatch(text or "")
    if not text or parts is None:
        return None
    hours, minutes, seconds = (float(part or 0) for part in parts.groups())
    return f"{hours * 3600 + minutes * 60 + seconds:.6f}".rstrip("0").rstrip(".")


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
