"""URLs under which a title is played, and the tokens in them. No I/O.

In: a playback id, and the token of one viewer where the URL is to have one. Out: URLs at the origin.
"""

import time

from core.model import PlaybackId
from core.tokens import playback_token
from core.tokens.playback_token import ANYBODY, Claims, Limits
from ingest.context import Context


def sign(
    context: Context, playback_id: PlaybackId, ttl_s: int, limits: Limits = ANYBODY, session_s: int | None = None
) -> tuple[Claims, str]:
    """The claims and the token of a new session, which can be started for `ttl_s` and lasts `session_s` seconds."""
    claims = Claims(
        playback_id=playback_id,
        session=playback_token.new_session(),
        expires_at=int(time.time()) + ttl_s,
        limits=limits,
        session_s=session_s,
    )
    return claims, playback_token.sign(claims, context.playback_keys)


def preview_token(context: Context, playback_id: PlaybackId, studio: str) -> str:
    """The token with which a title's owner watches it on a page of the studio, whatever domains the title allows.

    `studio` is the host of that page: the token is good on no other.
    """
    now = int(time.time())
    claims = Claims(
        playback_id=playback_id,
        session=playback_token.new_session(),
        expires_at=now + context.settings.renewal_s,
        limits=Limits(domain=studio),
        ends_at=now + context.settings.renewal_s,
    )
    return playback_token.sign(claims, context.playback_keys)


def play_url(context: Context, playback_id: PlaybackId, signed: str | None, name: str = "index.m3u8") -> str:
    """URL of the HLS playlist, or of another file `name` that starts a session."""
    return _url(context, f"play/{playback_id}/{name}", signed)


def watch_url(context: Context, playback_id: PlaybackId, signed: str | None) -> str:
    """URL of the page to watch the title on."""
    return _url(context, f"watch/{playback_id}", signed)


def embed_url(context: Context, playback_id: PlaybackId, signed: str | None) -> str:
    """URL of the player alone, for an iframe on another page."""
    return _url(context, f"embed/{playback_id}", signed)


def _url(context: Context, path: str, signed: str | None) -> str:
    return f"{context.settings.origin_base}/{path}" + (f"?token={signed}" if signed else "")
