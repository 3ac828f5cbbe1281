"""Signed tokens `kid.body.signature`: one codec for every token that Kadr itself signs and checks. Pure.

`kid` names the key, `body` is text without dots, and `signature` is HMAC-SHA256 in lower-case hex over
`{purpose}.{kid}.{body}`, followed by `.{bound_to}` where a token also covers something it does not carry. Each kind of
token has a purpose of its own, so that one is never accepted as another. What the claims mean, and whether they have
expired, is for the caller to check.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

from core.errors import KadrError


class InvalidToken(KadrError):
    """The token is malformed, too long, signed with an unknown key, or altered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenCodec:
    """How tokens for one purpose are written and read. A token has exactly one accepted spelling.

    Keys map a key id to its secret: the first one signs, any of them verifies, so that keys can be rotated.
    """

    purpose: str
    max_chars: int  # longer tokens are refused before anything of them is computed
    padded: bool = False  # whether the base64 of the claims keeps its trailing "="

    def encode(self, claims: bytes, keys: Mapping[str, bytes]) -> str:
        """A token that carries `claims` in URL-safe base64."""
        return self.sign(self._to_base64(claims), keys)

    def decode(self, token: str, keys: Mapping[str, bytes]) -> bytes:
        """The claims of a token made by `encode`. Raises InvalidToken."""
        body = self.verify(token, keys)
        try:
            claims = base64.urlsafe_b64decode(body + "=" * (-len(body) % 4))
        except (binascii.Error, ValueError) as exc:
            raise InvalidToken from exc
        if self._to_base64(claims) != body:  # spare bits, or characters that the decoder skips
            raise InvalidToken
        return claims

    def sign(self, body: str, keys: Mapping[str, bytes], *, bound_to: str = "") -> str:
        """A token that carries `body` as it is. `bound_to` is covered by the signature and not carried."""
        kid, key = next(iter(keys.items()))
        return f"{kid}.{body}.{self._signature(kid, key, body, bound_to)}"

    def verify(self, token: str, keys: Mapping[str, bytes], *, bound_to: str = "") -> str:
        """The body of a token made by `sign` with the same `bound_to`. Raises InvalidToken."""
        if len(token) > self.max_chars or not token.isascii():
            raise InvalidToken
        kid, _, rest = token.partition(".")
        body, _, signature = rest.partition(".")
        key = keys.get(kid)
        if key is None or not hmac.compare_digest(self._signature(kid, key, body, bound_to), signature):
            raise InvalidToken
        return body

    def _signature(self, kid: str, key: bytes, body: str, bound_to: str) -> str:
        covered = f"{self.purpose}.{kid}.{body}" + (f".{bound_to}" if bound_to else "")
        return hmac.digest(key, covered.encode(), "sha256").hex()

    def _to_base64(self, claims: bytes) -> str:
        text = base64.urlsafe_b64encode(claims).decode()
        return text if self.padded else text.rstrip("=")
