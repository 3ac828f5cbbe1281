"""`kadr sign`: sign a prefix as the origin signs it for a player, for operators who set up a CDN.

In: a scheme, a key, a prefix, an expiry, options of the scheme. Out: path, query and cookies on stdout. Needs no
service.
"""

import json
import re
import time
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from core.errors import ConfigError
from origin.cdn.signers import NAMED_KEYS, Signed, SigningContext, make_signer

_ANY_KID = "k1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignRequest:
    """The arguments of `kadr sign` as they were typed, not validated yet."""

    scheme: str
    key: str
    key_id: str | None
    prefix: str
    expires: str
    options: tuple[str, ...]
    context: SigningContext


def run(args: Namespace) -> int:
    """Print the signed path, query and cookies; returns the exit code. Raises KadrError."""
    request = SignRequest(
        scheme=args.scheme,
        key=args.key,
        key_id=args.key_id,
        prefix=args.prefix,
        expires=args.expires,
        options=tuple(args.option),
        context=SigningContext(now=time.time(), session=args.session, ip=args.ip, country=args.country),
    )
    signed = sign(request)
    print(_json(signed) if args.json else _lines(signed))
    return 0


def sign(request: SignRequest) -> Signed:
    """Validate the arguments and sign the prefix. Raises ConfigError, PrefixRefused or CannotSign."""
    if request.key_id is None and request.scheme in NAMED_KEYS:
        raise ConfigError(f"{request.scheme} needs --key-id: the id that the CDN has assigned to the key")
    options = _options(request.options)
    prefix = request.prefix
    if prefix.startswith(("http://", "https://")):
        parts = urlsplit(prefix)
        options = {"base_url": f"{parts.scheme}://{parts.netloc}", **options}
        prefix = prefix.removeprefix(f"{parts.scheme}://{parts.netloc}")
    keys = {request.key_id or _ANY_KID: _key(request.key)}
    expires_at = _expires_at(request.expires, request.context.now)
    return make_signer(request.scheme, keys, options).sign(prefix, expires_at, request.context)


def _options(items: tuple[str, ...]) -> Mapping[str, str]:
    options: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not equals or not name or name in options:
            raise ConfigError(f"--option {item}: accepted: NAME=VALUE, each name once")
        options[name] = value
    return options


def _key(text: str) -> str:
    """The key itself, or the content of the file of `@FILE`. Raises ConfigError."""
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"--key {text}: the file cannot be read as text") from exc


def _expires_at(text: str, now: float) -> int:
    """Unix seconds of an absolute time or of `+SECONDS` from `now`. Raises ConfigError."""
    if not re.fullmatch(r"\+?[0-9]{1,12}", text):
        raise ConfigError(f"--expires {text}: accepted: Unix seconds, or +SECONDS from now")
    return int(now) + int(text) if text.startswith("+") else int(text)


def _json(signed: Signed) -> str:
    return json.dumps({"path": signed.path, "query": signed.query, "cookies": dict(signed.cookies)}, indent=2)


def _lines(signed: Signed) -> str:
    lines = [f"path: {signed.path}"]
    if signed.query:
        lines.append(f"query: {signed.query}")
    return "\n".join([*lines, *(f"cookie: {name}={value}" for name, value in signed.cookies)])
