"""A page of the studio as an HTTP response: its language, and the policy of what it may load."""

import json
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from core.http.problems import Problem
from core.settings import Settings
from ingest.context import CONTEXT
from studio import pages
from studio.texts import LANGUAGES, Text, catalogue, language_of, text_in

LANGUAGE_COOKIE, YEAR_S = "kadr_language", 365 * 86400


def page(
    request: web.Request, template: str, *, status: int = 200, player: bool = False, **values: Any
) -> web.Response:
    """The rendered template of studio/templates/studio/. `player`: the page has a player, which needs more."""
    settings = request.app[CONTEXT].settings
    lang = language(request)
    response = web.Response(
        text=pages.render(
            f"studio/{template}", lang, path=request.path, query=request.query, settings=settings, **values
        ),
        content_type="text/html",
        status=status,
        headers={
            "Cache-Control": "no-store",
            "Content-Security-Policy": content_security_policy(settings, player=player),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "same-origin",
            "X-Content-Type-Options": "nosniff",
        },
    )
    if request.query.get("lang") in LANGUAGES:
        response.set_cookie(LANGUAGE_COOKIE, lang, max_age=YEAR_S, samesite="Lax", path="/studio")
    return response


def language(request: web.Request) -> str:
    """The language of the page: the one just chosen, the one chosen before, or the reader's."""
    wanted = request.query.get("lang") or request.cookies.get(LANGUAGE_COOKIE)
    return language_of(request.headers.get("Accept-Language", ""), wanted)


def texts(request: web.Request) -> Text:
    """The texts of the page's language."""
    return text_in(language(request))


def data_of(response: web.StreamResponse) -> Any:
    """The data in the answer of one of the API's handlers."""
    assert isinstance(response, web.Response)
    return json.loads(response.text or "")["data"]


def in_words(request: web.Request, code: str, detail: str) -> str:
    """What an error code means, in the page's language; `detail`, which is English, where there is no such text."""
    return catalogue(language(request)).get(f"code.{code}", detail)


def refused(request: web.Request, problem: Problem) -> str:
    """The sentence of a problem."""
    return in_words(request, problem.code, " ".join(filter(None, (str(problem), problem.hint))))


def content_security_policy(settings: Settings, *, player: bool) -> str:
    """Scripts of our own; uploads go to storage; pictures and media come from the origin and, by TLS, from CDNs."""
    origin, storage = _origin(settings.origin_base), _origin(settings.s3_public_url or settings.s3_url or "")
    media = f"'self' {origin} https:"
    directives = {
        "default-src": "'none'",
        "script-src": f"'self' {origin}" if player else "'self'",
        # The controls of the player bring their styles in their own markup.
        "style-src": "'self' 'unsafe-inline'" if player else "'self'",
        "connect-src": f"'self' {storage} {media.removeprefix(chr(39) + 'self' + chr(39) + ' ')}",
        "img-src": f"{media} blob: data:",
        "media-src": f"{media} blob: data:",
        "base-uri": "'none'",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in directives.items())


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
