"""`kadr sign`: one signed prefix, as the origin would give it to a player, for operators who set up a CDN.

In: a scheme, a key, a prefix, an expiry, options of the scheme. Out: path, query and cookies on stdout. No services.
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
class Wanted:
    """What was asked for on the command line, not yet read."""

    scheme: str
    key: str
    key_id: str | None
    prefix: str
    expires: str
    options: tuple[str, ...]
    context: SigningContext


def run(given: Namespace) -> int:
    """Print one signature. Raises KadrError."""
    wanted = Wanted(
        scheme=given.scheme,
        key=given.key,
        key_id=given.key_id,
        prefix=given.prefix,
        expires=given.expires,
        options=tuple(given.option),
        context=SigningContext(now=time.time(), session=given.session, ip=given.ip, country=given.country),
    )
    signed = sign(wanted)
    print(_json(signed) if given.json else _lines(signed))
    return 0


def sign(wanted: Wanted) -> Signed:
    """Read what was asked for, and sign. Raises ConfigError, PrefixRefused or CannotSign."""
    if wanted.key_id is None and wanted.scheme in NAMED_KEYS:
        raise ConfigError(f"{wanted.scheme} sends the key's id, and the CDN gave it: say which with --key-id")
    options = _options(wanted.options)
    prefix = wanted.prefix
    if prefix.startswith(("http://", "https://")):
        parts = urlsplit(prefix)
        options = {"base_url": f"{parts.scheme}://{parts.netloc}", **options}
        prefix = prefix.removeprefix(f"{parts.scheme}://{parts.netloc}")
    keys = {wanted.key_id or _ANY_KID: _key(wanted.key)}
    expires_at = _expires_at(wanted.expires, wanted.context.now)
    return make_signer(wanted.scheme, keys, options).sign(prefix, expires_at, wanted.context)


def _options(given: tuple[str, ...]) -> Mapping[str, str]:
    options: dict[str, str] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name or name in options:
            raise ConfigError(f"--option {item}: accepted: NAME=VALUE, each name once")
        options[name] = value
    return options


def _key(given: str) -> str:
    if not given.startswith("@"):
        return given
    try:
        return Path(given[1:]).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as exc:
        raise ConfigError(f"--key {given}: the file cannot be read as text") from exc


def _expires_at(given: str, now: float) -> int:
    if not re.fullmatch(r"\+?[0-9]{1,12}", given):
        raise ConfigError(f"--expires {given}: accepted: Unix seconds, or +SECONDS from now")
    return int(now) + int(given) if given.startswith("+") else int(given)


def _json(signed: Signed) -> str:
    return json.dumps({"path": signed.path, "query": signed.query, "cookies": dict(signed.cookies)}, indent=2)


def _lines(signed: Signed) -> str:
    lines = [f"path: {signed.path}"]
    if signed.query:
        lines.append(f"query: {signed.query}")
    return "\n".join([*lines, *(f"cookie: {name}={value}" for name, value in signed.cookies)])
