"""The API as commands reach it: where it is, with which key, and a client whose errors are the commands' own."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import kadr_client
from core.errors import ConfigError
from kadr.error_text import CannotIngest
from kadr_client import ApiError, Kadr

TRIES_LATER = 10  # of an API that was there: for about two minutes, as during a release


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The base URL of the API, and an API key."""

    api: str
    api_key: str

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Target":
        """From KADR_API_URL and KADR_API_KEY, else from endpoints.json in KADR_HOME (.kadr). Raises ConfigError."""
        if url := environ.get("KADR_API_URL"):
            key = environ.get("KADR_API_KEY")
            if not key:
                raise ConfigError("KADR_API_KEY is not set; KADR_API_URL requires it")
            return cls(api=url.rstrip("/"), api_key=key)
        home = Path(environ.get("KADR_HOME", ".kadr"))
        try:
            endpoints = json.loads((home / "endpoints.json").read_text("utf-8"))
        except FileNotFoundError as exc:
            raise ConfigError(
                f"no endpoints.json in {home}: start `kadr up` there,"
                " or set KADR_HOME, or KADR_API_URL and KADR_API_KEY"
            ) from exc
        return cls(api=endpoints["api"], api_key=environ.get("KADR_API_KEY") or endpoints["api_key"])


@asynccontextmanager
async def connect(target: Target) -> AsyncIterator[Kadr]:
    """The API of `target`. What the client raises meanwhile becomes CannotIngest; a URL that is none, ConfigError."""
    try:
        client = Kadr(target.api, target.api_key, tries_later=TRIES_LATER)
    except ValueError as exc:
        raise ConfigError(f"KADR_API_URL: {exc}") from exc
    try:
        async with client:
            yield client
    except kadr_client.KadrError as exc:
        refused = {"code": exc.code, "message": exc.detail, "hint": exc.hint} if isinstance(exc, ApiError) else None
        raise CannotIngest(str(exc), refused) from exc
