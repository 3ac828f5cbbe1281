"""The playback token: a signed token that carries playback id, session, expiry and who may use it. Pure.

The claims are a JSON list; `core.tokens.signed_token` says how they are encoded, signed and checked.
"""

import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from core.errors import KadrError
from core.model import PlaybackId
from core.tokens.signed_token import InvalidToken, TokenCodec

# The longest limits that the API accepts take about 4,000 characters: JSON writes a viewer's name as 12 per character.
_CODEC = TokenCodec(purpose="kadr-playback", max_chars=8192)


class TokenRefused(KadrError):
    """The token is invalid, or was issued for another video."""


class TokenExpired(TokenRefused):
    """The token has expired; ask for a new one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Who may use a token. None means no restriction."""

    viewer: str | None = None  # the application's own name for a person
    max_sessions: int | None = None  # concurrent sessions of that viewer
    domain: str | None = None  # of the page that plays: "example.org", or "*.example.org" for its subdomains
    ip: str | None = None  # an address, or a network in CIDR notation
    country: str | None = None  # ISO 3166-1 alpha-2


ANYBODY = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a playback token grants. Times are in Unix seconds.

    A token from the API says how long its session may last, from the exchange of the token on; a token that renews a
    session says when that session ends, so that no chain of renewals lasts longer. A session that began without a
    token, of a public title, can be renewed for as long as the title is public: `public_only`.
    """

    playback_id: PlaybackId
    session: str
    expires_at: int  # until when the token is accepted
    limits: Limits = ANYBODY
    session_s: int | None = None  # None: as long as the origin allows
    ends_at: int | None = None  # None: the session has not begun
    public_only: bool = False  # refused once the title is signed

    def session_end(self, now: float, longest_s: int) -> int:
        """When a session ends that is started, or started again, at `now`. None lasts longer than `longest_s`."""
        if self.ends_at is not None:
            return self.ends_at
        return int(now) + min(self.session_s or longest_s, longest_s)


def new_session() -> str:
    """A random session id of 16 hex digits."""
    return secrets.token_hex(8)


def sign(claims: Claims, keys: Mapping[str, bytes]) -> str:
    """A token signed with the first of `keys`."""
    fields: list[Any] = [claims.playback_id, claims.session, claims.expires_at]
    optional = {
        **asdict(claims.limits),
        "session_s": claims.session_s,
        "ends_at": claims.ends_at,
        "public_only": claims.public_only or None,
    }
    if given := {name: value for name, value in optional.items() if value is not None}:
        fields.append(given)
    return _CODEC.encode(json.dumps(fields).encode(), keys)


def verify(token: str, keys: Mapping[str, bytes], playback_id: str, now: float) -> Claims:
    """The claims of a valid token for `playback_id`. Raises TokenExpired or TokenRefused."""
    try:
        token_playback_id, session, expires_at, *rest = json.loads(_CODEC.decode(token, keys))
        limits = dict(rest[0]) if rest else {}
        session_s, ends_at = limits.pop("session_s", None), limits.pop("ends_at", None)
        public_only = limits.pop("public_only", False)
        claims = Claims(
            playback_id=PlaybackId(token_playback_id),
            session=session,
            expires_at=expires_at,
            limits=Limits(**limits) if limits else ANYBODY,
            session_s=session_s,
            ends_at=ends_at,
            public_only=public_only,
        )
    except (InvalidToken, ValueError, TypeError) as exc:
        raise TokenRefused from exc
    if token_playback_id != playback_id:
        raise TokenRefused
    if now > expires_at:  # the clock that checks is the clock that signed: no leeway
        raise TokenExpired
    return claims
