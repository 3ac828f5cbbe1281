"""The embed page: a player alone, to be shown in a frame on other people's pages.

It sets no cookie and stores nothing without consent. Which pages may embed a title is checked twice: by the browser,
through `frame-ancestors`, and here, by the page that the browser names as Referer.
"""

from aiohttp import web

from core.http.problems import Problem
from origin.context import CONTEXT
from origin.pages.facts import facts
from origin.pages.page import page, refusal, start_of
from origin.playback import sessions
from origin.playback.sessions import Visitor

routes = web.RouteTableDef()
ROBOTS = "noindex, indexifembedded"  # never found instead of the page around it, and yet part of that
HEADERS = {
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
}
CONSENTS = ("functional", "analytics")


@routes.get("/embed/{playback_id}")
async def embed(request: web.Request) -> web.Response:
    """The player alone, for a frame on another page; it speaks Player.js.

    Query: `token` for a signed title, `t` for the start in seconds, `autoplay=1` and `muted=1`, `loop=1`, `lang`, and
    `consent=functional` once the viewer has agreed that the player stores the position.
    """
    context, token, query = request.app[CONTEXT], request.query.get("token"), request.query
    try:
        visitor = await sessions.admitted(request)  # on the page around this one, which the browser names as Referer
        if domains := _domains(visitor):
            # From here on requests come from this page: its token is good on this server's pages only.
            session = await sessions.session_of(context, visitor, sessions.revision_of(visitor))
            token = sessions.token_for_own_pages(context, session)
        known = await facts(context, visitor, token)
    except Problem as exc:
        return refusal(request, exc, frame_ancestors=("*",), headers=HEADERS)
    attributes = {
        "consent": query.get("consent") if query.get("consent") in CONSENTS else None,
        "start-time": start_of(query.get("t")),
        **{name: "" if query.get(name) == "1" else None for name in ("autoplay", "muted", "loop")},
    }
    return page(
        request,
        "embed.html",
        title=known["title"],
        facts=known,
        token=token,
        attributes=attributes,
        frame_ancestors=_frame_ancestors(domains),
        headers=HEADERS,
        robots=ROBOTS,
    )


def _frame_ancestors(domains: tuple[str, ...]) -> list[str]:
    """These domains as sources of CSP, on any port; all pages without any. CSP has no form for IPv6 addresses."""
    return [f"{domain}:*" for domain in domains if ":" not in domain] or (["'none'"] if domains else ["*"])


def _domains(visitor: Visitor) -> tuple[str, ...]:
    """The domains whose pages may embed the title; none: those of all."""
    claims = visitor.claims
    return (claims.limits.domain,) if claims and claims.limits.domain else tuple(visitor.published.allowed_domains)
