"""Starting a playback session: playback id + token -> what may be watched, until when."""

import time
from dataclasses import dataclass

from aiohttp import web

from core import playback, playback_token
from core.errors import ObjectMissing
from core.media import Rendition
from core.model import AssetId, AssetStatus, Policy, RevisionId
from core.playback_token import TokenExpired, TokenRefused
from core.problems import Problem
from origin import delivery
from origin.context import CONTEXT, Context


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A viewer's right to one revision. `path` is where its files lie, as a path from the root, token included."""

    title: str
    asset_id: AssetId
    revision_id: RevisionId
    renditions: tuple[Rendition, ...]
    path: str


async def start(request: web.Request) -> Session:
    """Check the token against the policy. Raises Problem: 403 for a bad token, 404 for nothing to show."""
    context = request.app[CONTEXT]
    playback_id = request.match_info["playback_id"]
    published = await playback.published(context.pool, playback_id)
    if published is None:
        raise Problem(404, "not_found", "There is no such playback id.")
    token = request.query.get("token")
    if token is not None:
        _check(context, token, playback_id)  # a token that is given must be good, also where none is needed
    elif published.policy is Policy.SIGNED:
        raise Problem(403, "token_missing", "This video needs a token.", hint="Ask the page that embeds it for a link.")
    if published.revision_id is None:
        if published.status is AssetStatus.ERRORED:
            raise Problem(404, "errored", "The video could not be prepared.", hint="Its owner can see why.")
        raise Problem(404, "not_ready", "The video is not ready yet.", hint="Try again in a moment.")
    try:
        manifest = await context.manifests.get(published.asset_id, published.revision_id)
        duration_s, renditions = manifest.duration_s, manifest.renditions
    except ObjectMissing:
        growing = await context.growing.get(published.asset_id, published.revision_id)
        if growing is None:
            raise
        duration_s, renditions = growing.facts.duration_s, growing.renditions
    prefix = f"/v/{published.asset_id}/{published.revision_id}/"
    expires_at = int(time.time() + float(duration_s)) + context.settings.delivery_slack_s
    return Session(
        title=published.title,
        asset_id=published.asset_id,
        revision_id=published.revision_id,
        renditions=renditions,
        path=f"/s/{delivery.sign(prefix, expires_at, context.delivery_keys)}{prefix}",
    )


def _check(context: Context, token: str, playback_id: str) -> None:
    try:
        playback_token.verify(token, context.playback_keys, playback_id, time.time())
    except TokenExpired as exc:
        raise Problem(403, "token_expired", str(exc), hint="Load the page again for a new link.") from exc
    except TokenRefused as exc:
        raise Problem(403, "token_refused", "The token is not valid for this video.") from exc
