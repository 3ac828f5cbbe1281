"""The secrets of one home: generated once, stored in secrets.json (mode 0600), never printed.

In: a home. Out: `Credentials`. A secret that a newer Kadr needs is added; existing ones never change.
"""

import base64
import dataclasses
import json
import os
import secrets
from collections.abc import Callable

from core.errors import ConfigError
from kadr.stack.home import Home, write_private


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Credentials:
    """All secrets of an embedded stack. Not in its repr, so that they do not end up in logs."""

    postgres_password: str
    redis_password: str
    s3_access_key: str
    s3_secret_key: str
    playback_key: str  # 32 bytes of hex
    delivery_key: str  # 32 bytes of hex
    content_key: str  # 32 bytes of hex
    webhook_key: str  # 32 bytes of hex
    api_key: str  # "prefix.secret"


def _api_key() -> str:
    """A new API key, `kadr_PREFIX.SECRET`."""
    # 60 random bits are 12 base32 letters; 32 random bytes are 43 letters of URL-safe base64.
    prefix = base64.b32encode(os.urandom(8)).decode().lower()[:12]
    return f"kadr_{prefix}.{secrets.token_urlsafe(32)}"


_MAKE: dict[str, Callable[[], str]] = {
    "postgres_password": lambda: secrets.token_hex(24),
    "redis_password": lambda: secrets.token_hex(24),
    "s3_access_key": lambda: base64.b32encode(os.urandom(15)).decode()[:20],
    "s3_secret_key": lambda: secrets.token_hex(24),
    "playback_key": lambda: secrets.token_hex(32),
    "delivery_key": lambda: secrets.token_hex(32),
    "content_key": lambda: secrets.token_hex(32),
    "webhook_key": lambda: secrets.token_hex(32),
    "api_key": _api_key,
}


def load_credentials(home: Home) -> Credentials:
    """Read secrets.json, or create it. Raises ConfigError when the file exists but is not a JSON object of secrets."""
    path = home.path / "secrets.json"
    stored: dict[str, str] = {}
    if path.exists():
        try:
            raw = json.loads(path.read_text(encoding="utf-8"))
            stored = {name: value for name, value in raw.items() if name in _MAKE and isinstance(value, str) and value}
        except (ValueError, AttributeError) as exc:
            raise ConfigError(f"{path} is not a JSON object of secrets; restore it from a backup") from exc
    credentials = Credentials(**{name: stored.get(name) or make() for name, make in _MAKE.items()})
    if dataclasses.asdict(credentials) != stored:
        write_private(path, json.dumps(dataclasses.asdict(credentials), indent=2) + "\n")
    return credentials
