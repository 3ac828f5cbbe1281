"""`kadr studio-link`: a link that signs one browser in to the studio, once, within ten minutes.

It is made in the database: that of KADR_DATABASE_URL, else of the `kadr up` in KADR_HOME. Its address is that of the
API as people reach it.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from core.db import postgres, sign_in_links
from core.errors import ConfigError, KadrError
from core.model import OwnerId
from core.settings import Settings
from kadr.stack.endpoints import link_url

_DATABASE = "KADR_DATABASE_URL"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The database of an installation, and the base URL of its API."""

    settings: Settings
    api: str


async def run(owner: OwnerId) -> int:
    """Print a link for the owner; returns the exit code. Raises ConfigError where there is no such owner."""
    where = where_from(os.environ)
    pool = await postgres.connect(where.settings)
    try:
        token = await sign_in_links.make(pool, owner)
    except asyncpg.UndefinedTableError as exc:
        raise KadrError("the database is that of an older release: run `kadr migrate`") from exc
    finally:
        await pool.close()
    print(link_url(where.api, token))
    return 0


def where_from(environ: Mapping[str, str]) -> Where:
    """From the settings where they name a database, else from endpoints.json of a running `kadr up`."""
    settings = Settings.load()
    if environ.get(_DATABASE):
        return Where(settings=settings, api=settings.api_base)
    home = Path(environ.get("KADR_HOME", ".kadr"))
    try:
        endpoints = json.loads((home / "endpoints.json").read_text("utf-8"))
    except FileNotFoundError as exc:
        raise ConfigError(
            f"no endpoints.json in {home}: start `kadr up` there, or set KADR_HOME, or {_DATABASE}"
        ) from exc
    own = settings.model_copy(update={"database_url": SecretStr(endpoints["database_url"])})
    return Where(settings=own, api=endpoints["studio"].partition("/studio/")[0])
