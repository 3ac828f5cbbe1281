"""Starting a playback session: playback id, token and where the request comes from -> what may be played, until when.

A session may be started again with the same token: after a pause that was longer than the delivery token lives, a
player reloads its playlist with the session's renewal token and goes on where it was.

Pictures and words of a title are for whoever its policy admits. What leads to its media begins with `admitted`, which
also looks at the page: a title with allowed domains is played on their pages only. The URLs of files, keys and media
playlists are in the playlist of a session that has begun, so those do not look at the page again.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache

from aiohttp import web

from core.db import revocations
from core.db.playback_ids import Published
from core.errors import ObjectMissing
from core.http.client_address import address_of, home_of
from core.http.problems import Problem
from core.media.encoded import Rendition, Subtitles
from core.model import AssetStatus, OwnerId, PlaybackId, Policy, RevisionId
from core.telemetry import trace
from core.telemetry.logs import Log
from core.tokens import playback_token
from core.tokens import steering_token as steering_token_codec
from core.tokens.playback_token import ANYBODY, Claims, Limits, TokenExpired, TokenRefused
from core.tokens.signed_token import InvalidToken
from origin import access
from origin.context import CONTEXT, Context
from origin.playback import concurrent_streams, policy
from origin.playback.policy import PolicyRefused, Visit
from origin.playback.session import Session
from packager.encryption import Encryption
from packager.revision import Download

_LOG = Log("playback")
UNKNOWN_VISIT = Visit(page=None, address=None, country=None)
EXPIRY_STEP_S = 60  # delivery tokens expire at full minutes, so that sessions of one minute share signatures


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who may see a title, whether there is something to play yet or not."""

    playback_id: PlaybackId
    published: Published
    claims: Claims | None  # None for a public title without a token
    limits: Limits
    visit: Visit

    @property
    def is_bound(self) -> bool:
        """Whether the session has begun before, on a page whose host its token names."""
        return self.claims is not None and self.claims.ends_at is not None and self.claims.limits.domain is not None

    @property
    def unrestricted(self) -> bool:
        """Whether nothing that is played depends on who the viewer is."""
        return self.claims is None or self.claims.limits is ANYBODY


async def start(request: web.Request, *, page: str | None = None) -> Session:
    """Check token, policy and page, and begin a session. `page` as `admitted` takes it.

    Raises Problem: 403 refused, 404 nothing to play, 410 removed.
    """
    visitor = await admitted(request, page=page)
    return await begin(request.app[CONTEXT], visitor, revision_of(visitor))


async def admitted(request: web.Request, *, page: str | None = None) -> Visitor:
    """`visitor_of` for what leads to media: the title may be played on the page, to which its session is bound.

    `page` is the URL of the page with the player, where it is not the one that Origin or Referer show: a document of
    this server with a player in it is that page itself, whatever linked to it. It is always one of the title's domains:
    the token of an embedded player, which is for this server's pages, does not open another one of them.
    Raises Problem as `start` does.
    """
    visitor = await visitor_of(request, page=page)
    if visitor.is_bound:
        if page is None:
            return visitor
        # The token of an embedded player, which works from this server's pages, opens none of them.
        raise Problem(403, "domain_refused", "This link opens no page.", hint="Open the page that the video is on.")
    with _refusals():
        limits = policy.bound(visitor.limits, visitor.visit, visitor.published.allowed_domains)
    return visitor if limits is visitor.limits else replace(visitor, limits=limits)


async def visitor_of(request: web.Request, *, page: str | None = None) -> Visitor:
    """Check token, policy and revocations of a request for a playback id. Raises Problem as `start` does."""
    context = request.app[CONTEXT]
    playback_id = PlaybackId(request.match_info["playback_id"])
    published = await access.find_published(context, playback_id)
    trace.follow(published.trace)
    claims = _claims(context, request.query.get("token"), playback_id, published.policy)
    access.check_available(context, published)
    limits = ANYBODY if claims is None else claims.limits
    is_looked_at = limits is not ANYBODY or published.allowed_domains or context.pathways.per_viewer
    visit = visit_of(context, request) if is_looked_at else UNKNOWN_VISIT
    if page is not None:
        visit = replace(visit, page=page)
    if claims is not None:
        access.check_not_revoked(context, published, playback_id, claims.session, limits.viewer)
    if limits is not ANYBODY:
        with _refusals():
            policy.check(limits, visit)
    return Visitor(playback_id=playback_id, published=published, claims=claims, limits=limits, visit=visit)


def revision_of(visitor: Visitor) -> RevisionId:
    """The revision to play. Raises Problem(404) where there is none, or none yet."""
    published = visitor.published
    if published.revision_id is None:
        if published.status is AssetStatus.ERRORED:
            raise Problem(404, "errored", "The video could not be prepared.", hint="Its owner can see why.")
        raise access.not_ready()
    return published.revision_id


async def begin(context: Context, visitor: Visitor, revision_id: RevisionId) -> Session:
    """Raises Problem(403) where the viewer has as many sessions as the token allows."""
    session = await session_of(context, visitor, revision_id)
    await _check_concurrent_streams(context, session, visitor.published)
    _remember_trace(context, visitor, session)
    return session


def _remember_trace(context: Context, visitor: Visitor, session: Session) -> None:
    """So that requests for the title's files belong to its trace, too. One line for each title, not for each viewer."""
    followed = visitor.published.trace
    if followed is not None and context.traces.get(session.asset_id) != followed:
        context.traces[session.asset_id] = followed
        _LOG.info("title.played", asset=session.asset_id, revision=session.revision_id, session=session.id)


async def claimed(request: web.Request) -> tuple[Claims, OwnerId]:
    """The claims of the request's token and the title's owner, without a check of limits. Raises Problem."""
    context = request.app[CONTEXT]
    playback_id = PlaybackId(request.match_info["playback_id"])
    if (token := request.query.get("token")) is None:
        raise _token_missing()
    claims = _verify(context, token, playback_id)
    published = await access.find_published(context, playback_id)
    return claims, published.owner_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a revision consists of. `whole`: false while the title is being encoded."""

    duration_s: float
    renditions: tuple[Rendition, ...]
    subtitles: tuple[Subtitles, ...]
    whole: bool
    encrypted: bool
    downloads: tuple[Download, ...] = ()


async def content_of(context: Context, visitor: Visitor, revision_id: RevisionId) -> Content:
    """What there is to play, without starting a session. Raises ObjectMissing for a revision that was removed."""
    asset_id = visitor.published.asset_id
    try:
        manifest = await context.manifests.get((asset_id, revision_id))
    except ObjectMissing:
        provisional = await context.provisional.get((asset_id, revision_id))
        if provisional is None:
            raise
        duration_s = float(provisional.facts.duration_s)
        renditions = provisional.renditions
        return Content(duration_s=duration_s, renditions=renditions, subtitles=(), whole=False, encrypted=False)
    return Content(
        duration_s=float(manifest.duration_s),
        renditions=manifest.renditions,
        subtitles=manifest.subtitles,
        whole=True,
        encrypted=manifest.encryption is not Encryption.NONE,
        downloads=manifest.downloads,
    )


async def session_of(context: Context, visitor: Visitor, revision_id: RevisionId) -> Session:
    """The session that this visitor may begin, which takes no seat yet. Raises as `content_of`."""
    published, claims = visitor.published, visitor.claims
    content = await content_of(context, visitor, revision_id)
    now, lifetime_s = time.time(), content.duration_s + context.settings.delivery_slack_s
    ends_at = session_end(context, claims, now)
    expires_at = (int(now + lifetime_s) // EXPIRY_STEP_S + 1) * EXPIRY_STEP_S
    if claims is not None:  # without a token anybody may start a session: an end would keep nobody out
        expires_at = min(expires_at, ends_at)
    if published.expires_at is not None:
        ends_at = min(ends_at, int(published.expires_at.timestamp()))
        expires_at = min(expires_at, ends_at)
    return Session(
        id=claims.session if claims else secrets.token_hex(8),
        title=published.title,
        playback_id=visitor.playback_id,
        asset_id=published.asset_id,
        revision_id=revision_id,
        duration_s=content.duration_s,
        renditions=content.renditions,
        subtitles=content.subtitles,
        whole=content.whole,
        expires_at=expires_at,
        renew_until=ends_at,
        shareable_until=expires_at - lifetime_s,
        limits=visitor.limits,
        prefix=f"/v/{published.asset_id}/{revision_id}/",
        address=None if visitor.visit.address is None else str(visitor.visit.address),
        country=visitor.visit.country,
        encrypted=content.encrypted,
        public_only=claims is None or claims.public_only,
    )


def session_end(context: Context, claims: Claims | None, now: float) -> int:
    """When a session of these claims ends that is started, or started again, at `now`. All in Unix seconds."""
    longest_s = context.settings.renewal_s
    return int(now) + longest_s if claims is None else claims.session_end(now, longest_s)


def renewal(context: Context, session: Session) -> str:
    """A playback token that starts this same session again, until its end, on the page where it has begun.

    Where neither the title nor the token names a domain, it is good on any page.
    """
    return _renewal(context, session, session.limits)


def token_for_own_pages(context: Context, session: Session) -> str:
    """`renewal` for the player on a page of this server, and on none besides.

    For documents that are shown inside pages of others: their players' requests come from this host, so the limit of
    the token, and the title's allowed domains, are checked against the page around the document when the document is
    requested, and the player goes on with this token.
    """
    return _renewal(context, session, replace(session.limits, domain=policy.host_of(context.settings.origin_base)))


def _renewal(context: Context, session: Session, limits: Limits) -> str:
    claims = Claims(
        playback_id=session.playback_id,
        session=session.id,
        expires_at=session.renew_until,
        limits=limits,
        ends_at=session.renew_until,
        public_only=session.public_only,
    )
    return playback_token.sign(claims, context.playback_keys)


def _claims(context: Context, token: str | None, playback_id: PlaybackId, required: Policy) -> Claims | None:
    """None for a public title without a token. A token that is sent must be valid, even where none is needed."""
    claims = None if token is None else _verify(context, token, playback_id)
    if required is Policy.SIGNED and (claims is None or claims.public_only):
        raise _token_missing()
    return claims


def _token_missing() -> Problem:
    return Problem(403, "token_missing", "This video needs a token.", hint="Get a link from the page that embeds it.")


def _verify(context: Context, token: str, playback_id: PlaybackId) -> Claims:
    """The claims of a token that is valid now. Raises Problem(403)."""
    try:
        claims = _verified(token, playback_id, tuple(context.playback_keys.items()))
    except TokenRefused as exc:
        raise Problem(403, "token_refused", "The token is not valid for this video.") from exc
    if time.time() > claims.expires_at:
        raise Problem(403, "token_expired", str(TokenExpired()), hint="Reload the page to get a new link.")
    return claims


@lru_cache(maxsize=8192)
def _verified(token: str, playback_id: PlaybackId, keys: tuple[tuple[str, bytes], ...]) -> Claims:
    """The claims of a valid token, whether it has expired or not. Remembered: pages and players send it repeatedly.

    Refused tokens are not remembered, so they push out no valid one.
    """
    return playback_token.verify(token, dict(keys), playback_id, now=0)  # the caller checks the expiry


@contextmanager
def _refusals() -> Iterator[None]:
    """Around checks of a visit: what refuses another page, address or country is answered with 403."""
    try:
        yield
    except PolicyRefused as exc:
        raise Problem(403, exc.code, str(exc), hint=exc.hint) from exc


def visit_of(context: Context, request: web.Request) -> Visit:
    """Page, address and country of a request. The country is believed only behind a trusted proxy."""
    settings = context.settings
    peer = request.remote
    address = address_of(peer, request.headers.get("X-Forwarded-For", ""), settings.trusted_proxies)
    country = request.headers.get(settings.country_header) if settings.country_header else None
    behind_proxy = address is None or str(address) != peer
    return Visit(
        page=request.headers.get("Origin") or request.headers.get("Referer"),
        address=address,
        country=country if behind_proxy else None,
    )


def country_of(request: web.Request) -> str | None:
    """The viewer's country by a trusted proxy, ISO 3166-1 in two capitals; None where it is not known."""
    country = visit_of(request.app[CONTEXT], request).country
    return country.upper() if country and len(country) == 2 and country.isalpha() else None


def reporter_of(request: web.Request, steering_token: str) -> tuple[str, str] | None:
    """The session of a steering URL and what the viewer's address counts as; None for a URL that nobody signed."""
    context = request.app[CONTEXT]
    try:
        session = steering_token_codec.verify(steering_token, context.playback_keys)
    except InvalidToken:
        return None
    return session, home_of(visit_of(context, request).address)


async def _check_concurrent_streams(context: Context, session: Session, published: Published) -> None:
    """Raises Problem(403) where the viewer has as many sessions as the token allows."""
    limits = session.limits
    if limits.viewer is None or limits.max_sessions is None:
        return
    now = time.time()
    viewer = revocations.viewer(published.owner_id, limits.viewer)
    until = now + session.duration_s + context.settings.seat_slack_s
    if not await concurrent_streams.acquire(
        context.redis, viewer, session.id, limit=limits.max_sessions, now=now, until=until
    ):
        raise Problem(
            403, "too_many_sessions", "You are watching on too many devices.", hint="Stop one of them and try again."
        )
