"""Opaque tokens: 256 random bits behind a prefix that says what they are for. What they stand for is a row. Pure.

Only the SHA-256 of a token is stored. So many random bits need no salt and no slow hash, and looking one up by its hash
tells nothing by the time it takes.
"""

import hashlib
import re
import secrets
from enum import StrEnum

_CHARS = 43  # 32 bytes in URL-safe base64


class TokenKind(StrEnum):
    """What a token is for, as its prefix says."""

    STUDIO_SESSION = "ss"
    SIGN_IN_LINK = "sl"
    UPLOAD = "ut"


def new_token(kind: TokenKind) -> str:
    """A new token of this kind, such as ut_ and 43 characters."""
    return f"{kind}_{secrets.token_urlsafe(32)}"


def is_token(kind: TokenKind, text: str) -> bool:
    """Whether the text has the form of a token of this kind; whether there is such a token is for a row to say."""
    return re.fullmatch(rf"{kind}_[A-Za-z0-9_-]{{{_CHARS}}}", text) is not None


def digest_of(token: str) -> bytes:
    """The SHA-256 by which a token is stored and found."""
    return hashlib.sha256(token.encode()).digest()
