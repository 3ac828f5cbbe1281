"""Starting a playback session: playback id + token + who asks -> what may be watched, until when.

A session may be started again with the same token: after a pause that was longer than the delivery token lasts a
player reloads its playlist with the session's renewal token and goes on where it was.
"""

import secrets
import time
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web

from core import playback_token, revocations
from core.errors import ObjectMissing
from core.media import Subtitles
from core.model import AssetStatus, OwnerId, PlaybackId, Policy, RevisionId
from core.playback import Published
from core.playback_token import ANYBODY, Claims, TokenExpired, TokenRefused
from core.problems import Problem
from origin import policy, seats
from origin.context import CONTEXT, Context
from origin.policy import PolicyRefused, Visit
from origin.session import Session
from packager.encryption import Encryption

NOWHERE = Visit(page=None, address=None, country=None)
EXPIRY_STEP_S = 60  # delivery tokens of one minute are alike: they are signed once, and so is what they stand in


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Somebody who may see what belongs to a title, whether there is something to watch yet or not."""

    playback_id: PlaybackId
    published: Published
    claims: Claims | None  # of a public title without a token
    visit: Visit

    @property
    def anybody(self) -> bool:
        """Whether nothing depends on who it is."""
        return self.claims is None or self.claims.limits is ANYBODY


async def start(request: web.Request) -> Session:
    """Check the token against the policy. Raises Problem: 403 for a bad token, 404 for nothing, 410 for gone."""
    visitor = await visitor_of(request)
    return await begin(request.app[CONTEXT], visitor, revision_of(visitor))


async def visitor_of(request: web.Request) -> Visitor:
    """Who may come in. Raises Problem as `start` does."""
    context = request.app[CONTEXT]
    playback_id = PlaybackId(request.match_info["playback_id"])
    published = await context.published.get(playback_id)
    if published is None:
        raise Problem(404, "not_found", "There is no such playback id.")
    claims = _claims(context, request.query.get("token"), playback_id, published.policy)
    if published.deleted or published.taken_down or revocations.asset(published.asset_id) in context.revoked:
        raise Problem(410, "gone", "This video is no longer shown.")
    limited = claims is not None and claims.limits is not ANYBODY
    visit = visit_of(context, request) if limited or context.pathways.ask_who else NOWHERE
    if claims is not None:
        _allowed(context, visit, claims, published)
    return Visitor(playback_id=playback_id, published=published, claims=claims, visit=visit)


def revision_of(visitor: Visitor) -> RevisionId:
    """What there is to watch. Raises Problem(404) where there is nothing, or nothing yet."""
    published = visitor.published
    if published.revision_id is None:
        if published.status is AssetStatus.ERRORED:
            raise Problem(404, "errored", "The video could not be prepared.", hint="Its owner can see why.")
        raise Problem(404, "not_ready", "The video is not ready yet.", hint="Try again in a moment.")
    return published.revision_id


async def begin(context: Context, visitor: Visitor, revision_id: RevisionId) -> Session:
    """Raises Problem(403) where the viewer watches as much as is allowed already."""
    session = await _session(context, visitor, revision_id)
    await _seated(context, session, visitor.published)
    return session


async def known(request: web.Request) -> tuple[Claims, OwnerId]:
    """The session of a token, whether it may go on or not, and whose title it is. Raises Problem."""
    context = request.app[CONTEXT]
    playback_id = PlaybackId(request.match_info["playback_id"])
    published = await context.published.get(playback_id)
    claims = _claims(context, request.query.get("token"), playback_id, Policy.SIGNED)
    if published is None or claims is None:
        raise Problem(404, "not_found", "There is no such playback id.")
    return claims, published.owner_id


async def _session(context: Context, visitor: Visitor, revision_id: RevisionId) -> Session:
    published, claims = visitor.published, visitor.claims
    subtitles: tuple[Subtitles, ...] = ()
    whole, encrypted = True, False
    try:
        manifest = await context.manifests.get(published.asset_id, revision_id)
        duration_s, renditions, subtitles = manifest.duration_s, manifest.renditions, manifest.subtitles
        encrypted = manifest.encryption is not Encryption.NONE
    except ObjectMissing:
        growing = await context.growing.get(published.asset_id, revision_id)
        if growing is None:
            raise
        duration_s, renditions, whole = growing.facts.duration_s, growing.renditions, False
    lasts_s = float(duration_s)
    may_take_s = lasts_s + context.settings.delivery_slack_s
    expires_at = (int(time.time() + may_take_s) // EXPIRY_STEP_S + 1) * EXPIRY_STEP_S
    return Session(
        id=claims.session if claims else secrets.token_hex(8),
        title=published.title,
        playback_id=visitor.playback_id,
        asset_id=published.asset_id,
        revision_id=revision_id,
        duration_s=lasts_s,
        renditions=renditions,
        subtitles=subtitles,
        whole=whole,
        expires_at=expires_at,
        alike_until=expires_at - may_take_s,
        limits=claims.limits if claims else ANYBODY,
        prefix=f"/v/{published.asset_id}/{revision_id}/",
        address=None if visitor.visit.address is None else str(visitor.visit.address),
        country=visitor.visit.country,
        encrypted=encrypted,
    )


def renewal(context: Context, session: Session) -> tuple[str, int]:
    """A token that starts this very session again, and when it expires."""
    expires_at = int(time.time()) + context.settings.renewal_s
    claims = Claims(playback_id=session.playback_id, session=session.id, expires_at=expires_at, limits=session.limits)
    return playback_token.sign(claims, context.playback_keys), expires_at


def _claims(context: Context, token: str | None, playback_id: PlaybackId, wanted: Policy) -> Claims | None:
    """None for a public title without a token. A token that is given must be good, also where none is needed."""
    if token is None:
        if wanted is Policy.SIGNED:
            raise Problem(
                403, "token_missing", "This video needs a token.", hint="Ask the page that embeds it for a link."
            )
        return None
    try:
        claims = _verified(token, playback_id, tuple(context.playback_keys.items()))
    except TokenRefused as exc:
        raise Problem(403, "token_refused", "The token is not valid for this video.") from exc
    if time.time() > claims.expires_at:
        raise Problem(403, "token_expired", str(TokenExpired()), hint="Load the page again for a new link.")
    return claims


@lru_cache(maxsize=8192)
def _verified(token: str, playback_id: PlaybackId, keys: tuple[tuple[str, bytes], ...]) -> Claims:
    """A good token stays one until it expires, and is shown again: by the page, the playlist and the renewal.

    What is refused is not kept, so it takes nobody's place.
    """
    return playback_token.verify(token, dict(keys), playback_id, now=0)  # when it expires is the caller's to check


def _allowed(context: Context, visit: Visit, claims: Claims, published: Published) -> None:
    """Raises Problem(403) for a session or viewer who was revoked, and for a visit the token is not for."""
    subjects = [revocations.session(claims.playback_id, claims.session)]
    if claims.limits.viewer is not None:
        subjects.append(revocations.viewer(published.owner_id, claims.limits.viewer))
    if any(subject in context.revoked for subject in subjects):
        raise Problem(403, "revoked", "This viewer may not watch any more.")
    if claims.limits is ANYBODY:
        return
    try:
        policy.check(claims.limits, visit)
    except PolicyRefused as exc:
        raise Problem(403, exc.code, str(exc), hint="Watch it where the link was made for.") from exc


def visit_of(context: Context, request: web.Request) -> Visit:
    settings = context.settings
    peer = request.remote
    address = policy.address_of(peer, request.headers.get("X-Forwarded-For", ""), settings.trusted_proxies)
    country = request.headers.get(settings.country_header) if settings.country_header else None
    behind_proxy = address is None or str(address) != peer
    return Visit(
        page=request.headers.get("Origin") or request.headers.get("Referer"),
        address=address,
        country=country if behind_proxy else None,
    )


def country_of(request: web.Request) -> str | None:
    """As a trusted proxy says it, in two capitals."""
    country = visit_of(request.app[CONTEXT], request).country
    return country.upper() if country and len(country) == 2 and country.isalpha() else None


async def _seated(context: Context, session: Session, published: Published) -> None:
    """Raises Problem(403) where the viewer watches as much as is allowed already."""
    limits = session.limits
    if limits.viewer is None or limits.max_sessions is None:
        return
    now = time.time()
    viewer = revocations.viewer(published.owner_id, limits.viewer)
    until = now + session.duration_s + context.settings.seat_slack_s
    if not await seats.take(context.redis, viewer, session.id, limit=limits.max_sessions, now=now, until=until):
        raise Problem(
            403, "too_many_sessions", "You are watching on too many devices.", hint="Stop one of them and try again."
        )
