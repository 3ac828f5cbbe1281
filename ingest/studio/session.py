"""The studio session of a request: found by its cookie, begun and ended. `signed_in` is what pages call."""

import re
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

from aiohttp import web

from core.db import studio_sessions
from core.db.studio_sessions import StudioSession
from core.tokens.opaque_token import TokenKind, digest_of, is_token
from ingest.context import CONTEXT
from ingest.studio.cookie import SAFE_METHODS, CookieKind, cookie_kind, is_from_own_page, own_origins

SESSION: web.RequestKey[StudioSession] = web.RequestKey("studio_session", StudioSession)
SIGN_IN = "/studio/sign-in"
MOST_PATH = 2000
_PAGE = re.compile(r"/studio/(?!sign-)[!-\[\]-~]*")  # printable ASCII without a backslash, which browsers read as "/"


def signed_in(request: web.Request) -> StudioSession:
    """The session of a request to a page. Raises HTTPSeeOther to the sign-in page where there is none."""
    if SESSION not in request:
        raise web.HTTPSeeOther(SIGN_IN)
    return request[SESSION]


def sign_in_for(request: web.Request) -> str:
    """The address of the sign-in page that leads back to where the request comes from: a page, or that of a form."""
    page = request.path_qs if request.method in SAFE_METHODS else _referring(request)
    return f"{SIGN_IN}?next={quote(page)}" if is_page(page) else SIGN_IN


def is_page(path: str) -> bool:
    """Whether signing in may lead there: a path of the studio, of no other host."""
    return len(path) <= MOST_PATH and _PAGE.fullmatch(path) is not None


def _referring(request: web.Request) -> str:
    parts = urlsplit(request.headers.get("Referer", ""))
    return parts.path + (f"?{parts.query}" if parts.query else "")


async def session_of(request: web.Request) -> StudioSession | None:
    """The session whose cookie the request has; None without one. An Authorization header wins over any cookie."""
    token = cookie_of(request)
    if token is None or "Authorization" in request.headers:
        return None
    context = request.app[CONTEXT]
    session = await context.known_sessions.get(digest_of(token), lambda: studio_sessions.of_token(context.pool, token))
    return session if session is not None and session.expires_at > datetime.now(UTC) else None


def cookie_of(request: web.Request) -> str | None:
    """The token in the request's cookie; None without one."""
    kind = kind_of(request)
    token = request.cookies.get(kind.name) if kind is not None else None
    return token if token is not None and is_token(TokenKind.STUDIO_SESSION, token) else None


def kind_of(request: web.Request) -> CookieKind | None:
    """The cookie that this request may carry; None where a session would cross a network without TLS."""
    return cookie_kind(request.app[CONTEXT].settings.api_base, request.host)


def is_own(request: web.Request) -> bool:
    """Whether one of our own pages has sent the request."""
    return is_from_own_page(
        request.headers.get("Sec-Fetch-Site"),
        request.headers.get("Origin"),
        own_origins(request.app[CONTEXT].settings.api_base, request.host),
    )


def set_cookie(response: web.StreamResponse, kind: CookieKind, token: str, life_s: int) -> None:
    """Give the browser the cookie of a session."""
    response.set_cookie(kind.name, token, max_age=life_s, path="/", secure=kind.secure, httponly=True, samesite="Lax")


def clear_cookie(response: web.StreamResponse, kind: CookieKind) -> None:
    """Take the cookie away from the browser."""
    response.set_cookie(kind.name, "", max_age=0, path="/", secure=kind.secure, httponly=True, samesite="Lax")
