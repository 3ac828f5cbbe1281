"""The session in a steering URL, signed: whoever reports how a CDN does has been given a session by an origin. Pure.

`core.tokens.signed_token` says how it is signed and checked. It does not expire: it names a session, and opens nothing.
"""

import re
from collections.abc import Mapping

from core.tokens.signed_token import InvalidToken, TokenCodec

_CODEC = TokenCodec(purpose="kadr-steering", max_chars=256)
_SESSION = re.compile(r"[0-9a-f]{16}")


def sign(session: str, keys: Mapping[str, bytes]) -> str:
    """The session as its steering URL names it, signed with the first of `keys`."""
    return _CODEC.sign(session, keys)


def verify(token: str, keys: Mapping[str, bytes]) -> str:
    """The session of a token. Raises InvalidToken."""
    session = _CODEC.verify(token, keys)
    if _SESSION.fullmatch(session) is None:
        raise InvalidToken
    return session
