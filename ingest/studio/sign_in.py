"""Signing in to the studio, by an API key or a one-time link, and out of it.

A link is used by a button, never by opening it: messengers and mail programs look at what they pass on.
"""

import asyncio
import time

from aiohttp import web

from core.db import owners, sign_in_links, studio_sessions
from core.db.postgres import Connection
from core.http.client_address import address_of, home_of
from core.http.request_bodies import roomy
from core.model import OwnerId
from core.telemetry.logs import Log
from ingest.context import CONTEXT
from ingest.studio import attempts, page
from ingest.studio.cookie import CookieKind
from ingest.studio.page import MOST_FORM_BYTES, form_of
from ingest.studio.session import SIGN_IN, clear_cookie, cookie_of, is_page, kind_of, set_cookie, signed_in

routes = web.RouteTableDef()
_LOG = Log("studio")
HOME = "/studio/"
SIGNED_OUT = "/studio/signed-out"
FAILURE_S = 0.5  # that every failure takes, however it failed


@routes.get(SIGN_IN)
async def show(request: web.Request) -> web.Response:
    """A field for an API key; with `link`, the button that uses it up. `next`: the page that was asked for."""
    if kind_of(request) is None:
        return _needs_tls(request)
    link = request.query.get("link")
    if link is None:
        return _form(request)
    owner = await sign_in_links.owner_name(request.app[CONTEXT].pool, link)
    if owner is None:
        return _form(request, status=404, problem="studio.link_over")
    return page.page(request, "sign_in_link.html", owner=owner, link=link)


@routes.post(SIGN_IN)
@roomy(MOST_FORM_BYTES)
async def sign_in(request: web.Request) -> web.Response:
    """Begin a session by the `key` or the `link` of the form, and go on to its `next`, or to the library."""
    begun_at = time.monotonic()
    context, kind = request.app[CONTEXT], kind_of(request)
    if kind is None:
        return _needs_tls(request)
    trusted = context.settings.trusted_proxies
    address = address_of(request.remote, request.headers.get("X-Forwarded-For", ""), trusted)
    try:
        counter = await attempts.begin(context.redis, home_of(address))
    except attempts.TooManyFailures:
        _LOG.warning("sign_in.too_many_failures")
        return _form(request, status=429, problem="studio.too_many_failures", wait_s=attempts.WINDOW_S)
    form = await form_of(request)
    by = "link" if "link" in form else "key"
    async with context.pool.acquire() as connection, connection.transaction():
        known = await _owner_by(connection, by, form.get(by, "").strip())
        if known is not None:
            owner, key_prefix = known
            if (old := cookie_of(request)) is not None:
                await studio_sessions.end(connection, old)
            life_s = context.settings.studio_session_s
            token = await studio_sessions.begin(connection, owner, key_prefix, life_s)
    if known is None:
        await asyncio.sleep(max(0.0, begun_at + FAILURE_S - time.monotonic()))
        problem = "studio.link_over" if by == "link" else "studio.key_unknown"
        return _form(request, status=401, problem=problem, following=form.get("next"))
    await attempts.succeeded(context.redis, counter)
    context.known_sessions.forget()
    _log_in(owner, by, kind)
    following = form.get("next", "")
    response = _see_other(following if is_page(following) else HOME)
    set_cookie(response, kind, token, life_s)
    return response


async def _owner_by(connection: Connection, by: str, secret: str) -> tuple[OwnerId, str | None] | None:
    """(the owner, the prefix of the API key where it was one); None for what is not valid. A link is used up."""
    if by == "link":
        owner = await sign_in_links.use(connection, secret)
        return None if owner is None else (owner, None)
    if not (secret.isascii() and secret.isprintable()):
        return None
    owner = await owners.of_key(connection, secret)
    return None if owner is None else (owner, owners.prefix_of(secret))


def _log_in(owner: OwnerId, by: str, kind: CookieKind) -> None:
    if kind.secure:
        _LOG.info("sign_in.succeeded", owner=owner, by=by)
    else:
        _LOG.warning("sign_in.succeeded", owner=owner, by=by, cookie="without TLS, on loopback only")


@routes.post("/studio/sign-out")
@roomy(MOST_FORM_BYTES)
async def sign_out(request: web.Request) -> web.Response:
    """End the session of this browser."""
    if (token := cookie_of(request)) is not None:
        await studio_sessions.end(request.app[CONTEXT].pool, token)
    return _signed_out(request)


@routes.post("/studio/sign-out-everywhere")
@roomy(MOST_FORM_BYTES)
async def sign_out_everywhere(request: web.Request) -> web.Response:
    """End every session of the owner, in all browsers, and withdraw the links that nobody has used yet."""
    owner = signed_in(request).owner_id
    async with request.app[CONTEXT].pool.acquire() as connection, connection.transaction():
        count = await studio_sessions.end_all(connection, owner)
        await sign_in_links.withdraw(connection, owner)
    _LOG.info("sign_out.everywhere", owner=owner, sessions=count)
    return _signed_out(request)


@routes.get(SIGNED_OUT)
async def signed_out(request: web.Request) -> web.Response:
    """What is shown after signing out."""
    return page.page(request, "signed_out.html")


def _signed_out(request: web.Request) -> web.Response:
    request.app[CONTEXT].known_sessions.forget()
    response = _see_other(SIGNED_OUT)
    if (kind := kind_of(request)) is not None:
        clear_cookie(response, kind)
    return response


def _see_other(location: str) -> web.Response:
    return web.Response(status=303, headers={"Location": location, "Cache-Control": "no-store"})


def _form(
    request: web.Request,
    *,
    status: int = 200,
    problem: str | None = None,
    wait_s: int = 0,
    following: str | None = None,
) -> web.Response:
    headers = {"Retry-After": str(wait_s)} if wait_s else None
    wanted = following or request.query.get("next", "")
    following = wanted if is_page(wanted) else None
    return page.page(request, "sign_in.html", status=status, headers=headers, problem=problem, following=following)


def _needs_tls(request: web.Request) -> web.Response:
    return page.page(request, "needs_tls.html", status=403, host=request.host)
