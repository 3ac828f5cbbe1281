"""Google Media CDN's signed paths, signed cookies and dual-token short tokens. Pure.

In: a prefix and an expiry. Out, by `form`:
- path: Ed25519 over `{base_url}{prefix}edge-cache-token=Expires=..&KeyName=..`; the path goes on with `&Signature=../`,
  and relative URIs inherit it.
- cookie: `Edge-Cache-Cookie`, Ed25519 over `URLPrefix=..:Expires=..:KeyName=..`.
- token: the short token of dual-token authentication, in the query: fields joined with `~`, `PathGlobs={prefix}*`, and
  the Ed25519 signature, or a hex HMAC by `algorithm`. Media CDN answers with a long token of its own.
Signatures are base64url without padding. A key is 32 bytes in base64: the Ed25519 seed, or the HMAC's secret; its id is
the key's name in the keyset. Checked against the vendor's samples.
"""

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from core.errors import ConfigError
from origin.cdn.signers.canonical import canonical_prefix
from origin.cdn.signers.options import Options, Secret, base64url, base64url_nopad, from_base64, parsed_keys
from origin.cdn.signers.signer import Signed, SigningContext, signing_key, viewer_ip, viewer_session

PrivateKey = Ed25519PrivateKey | bytes


class Form(StrEnum):
    """What Media CDN is set up to read."""

    PATH = "path"
    COOKIE = "cookie"
    TOKEN = "token"  # noqa: S105


class Algorithm(StrEnum):
    """How a token is signed; paths and cookies are always Ed25519."""

    ED25519 = "ed25519"
    SHA256 = "sha256"
    SHA1 = "sha1"


@dataclass(frozen=True, slots=True, kw_only=True)
class GoogleMediaSigner:
    """`keys` by their names in the keyset: Ed25519 keys, or secrets for an HMAC."""

    keys: Mapping[str, PrivateKey]
    base_url: str
    form: Form
    algorithm: Algorithm
    name: str
    lock_ip: bool
    name_session: bool
    covers_prefix: ClassVar[bool] = True

    @property
    def in_path(self) -> bool:
        """Whether the token is part of the path."""
        return self.form is Form.PATH

    @property
    def per_viewer(self) -> bool:
        """Whether the signature is bound to the viewer."""
        return self.lock_ip or self.name_session

    def sign(self, prefix: str, expires_at: int, context: SigningContext) -> Signed:
        """Sign a prefix, or one path where `covers_prefix` is false. Raises PrefixRefused or CannotSign."""
        prefix = canonical_prefix(prefix)
        kid, key = signing_key(self.keys)
        if self.form is Form.TOKEN:
            token = short_token(key, self._fields(prefix, expires_at, context), self.algorithm)
            return Signed(path=prefix, query=f"{self.name}={token}")
        if self.form is Form.COOKIE:
            url_prefix = base64url(f"{self.base_url}{prefix}".encode())
            policy = f"URLPrefix={url_prefix}:Expires={expires_at}:KeyName={kid}"
            return Signed(path=prefix, cookies=(("Edge-Cache-Cookie", f"{policy}:Signature={_ed25519(key, policy)}"),))
        component = f"{prefix}edge-cache-token=Expires={expires_at}&KeyName={kid}"
        return Signed(path=f"{component}&Signature={_ed25519(key, f'{self.base_url}{component}')}/")

    def _fields(self, prefix: str, expires_at: int, context: SigningContext) -> list[str]:
        fields = [f"PathGlobs={prefix}*", f"Expires={expires_at}"]
        if self.name_session:
            fields.append(f"SessionID={viewer_session(context)}")
        if self.lock_ip:
            ip = viewer_ip(context)
            fields.append(f"IPRanges={base64url_nopad(f'{ip}/{ip.max_prefixlen}'.encode())}")
        return fields


def short_token(key: PrivateKey, fields: Sequence[str], algorithm: Algorithm) -> str:
    """A token over `fields`, which are in the vendor's order: what, Starts, Expires, SessionID, Data, IPRanges."""
    text = "~".join(fields)
    if algorithm is Algorithm.ED25519:
        return f"{text}~Signature={_ed25519(key, text)}"
    if not isinstance(key, bytes):
        raise TypeError("an HMAC takes a secret")
    return f"{text}~hmac={hmac.digest(key, text.encode(), algorithm.value).hex()}"


def _ed25519(key: PrivateKey, text: str) -> str:
    if not isinstance(key, Ed25519PrivateKey):
        raise TypeError("a signature takes an Ed25519 key")
    return base64url_nopad(key.sign(text.encode()))


def from_options(keys: Mapping[str, Secret], options: Options) -> GoogleMediaSigner:
    """The signer for an operator\'s keys and options. Raises ConfigError."""
    form = options.choice("form", Form.PATH, Form.COOKIE, Form.TOKEN)
    algorithm = options.choice("algorithm", Algorithm.ED25519, Algorithm.SHA256, Algorithm.SHA1)
    lock_ip, name_session = options.flag("lock_ip"), options.flag("name_session")
    if form is not Form.TOKEN and (algorithm is not Algorithm.ED25519 or lock_ip or name_session):
        raise ConfigError(f"{options.scheme}: options algorithm, lock_ip and name_session need form=token")
    parse = _private_key if algorithm is Algorithm.ED25519 else from_base64
    return GoogleMediaSigner(
        keys=parsed_keys(options.scheme, keys, parse, "32 bytes in base64"),
        base_url=options.base_url(needed=form is not Form.TOKEN),
        form=form,
        algorithm=algorithm,
        name=options.text("name", "edge-cache-token"),
        lock_ip=lock_ip,
        name_session=name_session,
    )


def _private_key(key: Secret) -> PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(from_base64(key))
