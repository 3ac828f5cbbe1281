"""Reading a signer's options and keys as an operator writes them, in YAML or on a command line. Pure.

In: names and values. Out: typed values. Every error is a ConfigError that names the scheme, the option, the value and
the accepted form; a secret is never shown.
"""

import base64
import re
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import TypeVar

from core.errors import ConfigError

Kind = TypeVar("Kind", bound=StrEnum)
Key = TypeVar("Key")
Secret = str | bytes  # text as an operator wrote it, or the bytes of the secret

_BASE_URL = re.compile(r"https?://[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?(?::[0-9]{1,5})?")
_KID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,62}")
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2}){16,}")


class Covers(StrEnum):
    """What one signature is valid for, where the check is the operator's own code."""

    EXACT = "exact"
    PREFIX = "prefix"


class Options:
    """The options of one signer. Each is read once; `done` refuses those that were not read."""

    def __init__(self, scheme: str, given: Mapping[str, object]) -> None:
        self.scheme = scheme
        self._given = given
        self._read: set[str] = set()

    def text(self, name: str, default: str = "", form: str = r"[0-9A-Za-z._-]+", *, hidden: bool = False) -> str:
        """A text that matches `form` as a whole. The default form excludes what delimits the fields of a token."""
        value = self._value(name)
        if value is None:
            return default
        if not re.fullmatch(form, value):
            raise self._wrong(name, "(hidden)" if hidden else value, f"text of the form {form}")
        return value

    def choice(self, name: str, *accepted: Kind) -> Kind:
        """One of `accepted`; the first is the default."""
        value = self._value(name)
        if value is None:
            return accepted[0]
        for kind in accepted:
            if value == kind.value:
                return kind
        raise self._wrong(name, value, ", ".join(kind.value for kind in accepted))

    def flag(self, name: str) -> bool:
        """True or false; false without the option."""
        value = self._value(name)
        if value is None:
            return False
        if value.lower() not in _FLAGS:
            raise self._wrong(name, value, "true or false")
        return _FLAGS[value.lower()]

    def seconds(self, name: str, default: int) -> int:
        """A whole number of seconds, more than 0."""
        value = self._value(name)
        if value is None:
            return default
        if not re.fullmatch(r"[1-9][0-9]{0,8}", value):
            raise self._wrong(name, value, "a whole number of seconds, more than 0")
        return int(value)

    def base_url(self, *, needed: bool) -> str:
        """Scheme and host of the CDN. `needed` by the schemes that sign the host; the others accept and ignore it."""
        value = self._value("base_url") or ""
        if needed and not _BASE_URL.fullmatch(value):
            raise self._wrong("base_url", value, "a scheme and a host, https://cdn.example.com (the host is signed)")
        return value

    def done(self) -> None:
        """Raises ConfigError if an option was given that the scheme does not have."""
        if unknown := sorted(set(self._given) - self._read):
            known = ", ".join(sorted(self._read))
            raise ConfigError(f"{self.scheme}: there is no option {', '.join(unknown)}; it takes {known}")

    def _value(self, name: str) -> str | None:
        self._read.add(name)
        value = self._given.get(name)
        return None if value is None else str(value)

    def _wrong(self, name: str, value: str, accepted: str) -> ConfigError:
        return ConfigError(f"{self.scheme}: option {name} is {value!r}; accepted: {accepted}")


def checked_keys(scheme: str, keys: Mapping[str, Secret]) -> dict[str, Secret]:
    """The keys in order, the signing one first. Raises ConfigError."""
    if not keys:
        raise ConfigError(f"{scheme}: no key is given; it takes an id with a secret, the signing one first")
    for kid in keys:
        if not _KID.fullmatch(kid):
            raise ConfigError(f"{scheme}: a key's id is {kid!r}; accepted: letters, digits, _ and -")
    secrets = {kid: key.strip() if isinstance(key, str) else key for kid, key in keys.items()}
    if not all(secrets.values()):
        raise ConfigError(f"{scheme}: a key's secret is empty")
    if len({as_bytes(key) for key in secrets.values()}) < len(secrets):
        # With one secret under two ids, the id in a token could be altered, and a rotation would change nothing.
        raise ConfigError(f"{scheme}: two keys have the same secret")
    return secrets


def parsed_keys(scheme: str, keys: Mapping[str, Secret], parse: Callable[[Secret], Key], form: str) -> dict[str, Key]:
    """The keys as the scheme uses them. `parse` raises ValueError; the ConfigError names the id, not the secret."""
    parsed = {}
    for kid, key in keys.items():
        try:
            parsed[kid] = parse(key)
        except ValueError:
            # Without `from`: a parser's error may quote what it could not read.
            raise ConfigError(f"{scheme}: the secret of key {kid} cannot be read; accepted: {form}") from None
    return parsed


def plain_kids(scheme: str, keys: Mapping[str, Secret]) -> None:
    """Key ids in tokens `kid.expires.signature` are letters and digits. Raises ConfigError for others."""
    for kid in keys:
        if not kid.isalnum():
            raise ConfigError(f"{scheme}: a key's id is {kid!r}; accepted: letters and digits")


def as_bytes(key: Secret) -> bytes:
    """The bytes of a secret; text is encoded as UTF-8."""
    return key.encode() if isinstance(key, str) else key


def hex_or_text(key: Secret) -> bytes:
    """Text that is hex of 16 bytes or more, as in KADR_DELIVERY_KEYS, is decoded; any other is the secret itself."""
    if isinstance(key, str) and _HEX.fullmatch(key):
        return bytes.fromhex(key)
    return as_bytes(key)


def from_hex(key: Secret) -> bytes:
    """A secret written in hex. Raises ValueError."""
    return bytes.fromhex(as_bytes(key).decode("ascii"))


def from_base64(key: Secret) -> bytes:
    """A secret in base64, of either alphabet, padded or not: vendors' tools print all four. Raises ValueError."""
    text = as_bytes(key).decode("ascii").rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


def base64url(value: bytes) -> str:
    """base64url with its padding, as Google's CDNs spell URL prefixes."""
    return base64.urlsafe_b64encode(value).decode()


def base64url_nopad(value: bytes) -> str:
    """base64url without padding."""
    return base64url(value).rstrip("=")
