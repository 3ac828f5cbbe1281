"""Whose request it is: an API key, an upload token, or the cookie of a studio session.

In: requests. Out: the same with a `Caller`, or for pages a session. An Authorization header wins over any cookie. A
cookie writes only for our own pages; an upload token reaches its own upload only, for pages of its own origins only.
"""

import hashlib

from aiohttp import web

from core.db import owners, upload_tokens
from core.http.problems import Handler, Problem, route
from core.tokens.opaque_token import TokenKind, is_token
from ingest import upload_token_scope
from ingest.context import CALLER, CONTEXT, Caller, caller_of, not_found
from ingest.studio import page
from ingest.studio.cookie import SAFE_METHODS
from ingest.studio.session import SESSION, cookie_of, is_own, session_of, sign_in_for

# For who has signed in.
PAGES = ("/studio/library", "/studio/upload", "/studio/assets/", "/studio/account", "/studio/webhooks")
_CORS_ORIGIN: web.RequestKey[str] = web.RequestKey("cors_origin", str)


@web.middleware
async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Everything below /v1 needs credentials; pages of the studio send whoever has none to the sign-in page."""
    if request.path.startswith("/v1/") and not _is_preflight(request):
        caller = await _caller(request)
        if caller is None:
            raise _unauthenticated(request)
        request[CALLER] = caller
    elif request.path.startswith("/studio/"):
        if request.method not in SAFE_METHODS and not is_own(request):
            return page.message(request, 403, "studio.cross_site_title", "studio.cross_site")
        if (session := await session_of(request)) is not None:
            request[SESSION] = session
            request[CALLER] = Caller(owner=session.owner_id, key_prefix=session.key_prefix)
        elif request.path.startswith(PAGES):
            raise web.HTTPSeeOther(sign_in_for(request))
    return await handler(request)


def _unauthenticated(request: web.Request) -> Problem:
    if "Authorization" not in request.headers and cookie_of(request) is not None:
        detail, hint = "The studio session has ended.", "Sign in again at /studio/sign-in."
        return Problem(401, "unauthenticated", detail, hint=hint)
    detail, hint = "The API key is missing or unknown.", "Send Authorization: Bearer <key>."
    return Problem(401, "unauthenticated", detail, hint=hint)


async def is_still_authorized(request: web.Request) -> bool:
    """Whether the credentials of a request that takes long are still valid. Asks PostgreSQL once in KEY_KNOWN_S."""
    return await _caller(request) == caller_of(request)


async def _caller(request: web.Request) -> Caller | None:
    """Whoever calls the API; None without valid credentials. Raises Problem for valid ones that are not for this."""
    authorization = request.headers.get("Authorization")
    if authorization is not None:
        scheme, _, secret = authorization.partition(" ")
        secret = secret.strip()
        if scheme.lower() != "bearer" or not secret.isascii():
            return None
        if is_token(TokenKind.UPLOAD, secret):
            return await _by_upload_token(request, secret)
        return await _by_key(request, secret)
    session = await session_of(request)
    if session is None:
        return None
    if request.method not in SAFE_METHODS and not is_own(request):
        raise Problem(
            403,
            "cross_site",
            "Another page than the studio's own has sent this request with the studio's cookie.",
            hint="Applications send Authorization: Bearer <key>; pages of other sites use an upload token.",
        )
    return Caller(owner=session.owner_id, key_prefix=session.key_prefix)


async def _by_key(request: web.Request, api_key: str) -> Caller | None:
    context = request.app[CONTEXT]
    digest = hashlib.sha256(api_key.encode()).digest()
    owner = await context.known_keys.get(digest, lambda: owners.of_key(context.pool, api_key))
    return None if owner is None else Caller(owner=owner, key_prefix=owners.prefix_of(api_key))


async def _by_upload_token(request: web.Request, secret: str) -> Caller | None:
    """Raises Problem for a token that has expired, is not for this call, or is shown by a page of another origin."""
    token = await upload_tokens.of_token(request.app[CONTEXT].pool, secret)
    if token is None:
        return None
    origin = request.headers.get("Origin")
    if origin is not None:
        if origin not in token.terms.origins:
            detail = "The upload token is not for pages of this origin."
            raise Problem(403, "origin_refused", detail, hint="Name the page's origin in `origins` of the token.")
        request[_CORS_ORIGIN] = origin
    if not upload_token_scope.allows(request.method, route(request)):
        detail = "An upload token is for its own upload only."
        raise Problem(
            403, "upload_token_scope", detail, hint="Call this from the owner's application, with an API key."
        )
    if token.expired:
        detail, hint = "The upload token has expired.", "Ask the owner's application for a new token."
        raise Problem(401, "upload_token_expired", detail, hint=hint)
    for name, own_id in (("upload", token.upload_id), ("asset", token.asset_id)):
        if request.match_info.get(f"{name}_id", own_id) != own_id:
            raise not_found(name)
    return Caller(owner=token.owner_id, key_prefix=None, upload_token=token)


def _is_preflight(request: web.Request) -> bool:
    """Whether a route answers OPTIONS here: only those that an upload token may call do."""
    return request.method == "OPTIONS" and request.match_info.http_exception is None


async def add_cors(request: web.Request, response: web.StreamResponse) -> None:
    """For on_response_prepare: let the page that has shown an upload token read the answer. Never with cookies."""
    if (origin := request.get(_CORS_ORIGIN)) is not None:
        response.headers.update(upload_token_scope.cors(origin))
