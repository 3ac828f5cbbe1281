"""What every adapter is: a prefix in, a request to its CDN out. Retries are the caller's.

Refuses prefixes that are not ours, so that no slip empties a whole CDN.
"""

import asyncio
import json
import re
from collections.abc import Mapping
from typing import Protocol

import aiohttp

from core.errors import KadrError, Transient

TIMEOUT_S = 30.0
_SHOWN_CHARACTERS = 300
_TRY_AGAIN = frozenset({408, 425, 429})
_PREFIX = re.compile(r"/v/(?P<asset>as_[0-9a-z]+)/(?:(?P<revision>[0-9a-f]+)/)?")


class PurgeRefused(KadrError):
    """The CDN will not purge this, however often it is asked: a wrong key, a wrong zone, a wrong prefix."""


class Purger(Protocol):
    """One CDN's way of purging."""

    async def purge(self, prefix: str) -> None:
        """Empty the caches of all below `/v/{asset}/` or `/v/{asset}/{revision}/`. Raises Transient or PurgeRefused."""


async def purge_everywhere(purgers: Mapping[str, Purger], prefix: str) -> dict[str, KadrError]:
    """Ask all at once; the errors of those that did not, by pathway id."""

    async def one(purger: Purger) -> KadrError | None:
        try:
            await purger.purge(prefix)
        except KadrError as exc:
            return exc
        return None

    found = await asyncio.gather(*(one(purger) for purger in purgers.values()))
    return {pathway: error for pathway, error in zip(purgers, found, strict=True) if error is not None}


def parts(prefix: str) -> tuple[str, str | None]:
    """(asset, revision) of a prefix; the revision is None where it is all of an asset. Raises PurgeRefused."""
    found = _PREFIX.fullmatch(prefix)
    if found is None:
        raise PurgeRefused(f"{prefix!r} is no prefix of ours: /v/ASSET/ or /v/ASSET/REVISION/")
    return found["asset"], found["revision"]


async def send(
    vendor: str,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> bytes:
    """One request; the body of a 2xx answer. Raises Transient (worth another try) or PurgeRefused."""
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.request(method, url, headers=headers, params=params, data=body, allow_redirects=False) as answer,
        ):
            text = await answer.read()
            if 200 <= answer.status < 300:
                return text
            told = text[:_SHOWN_CHARACTERS].decode("utf-8", "replace")
            again = answer.status >= 500 or answer.status in _TRY_AGAIN
            raise (Transient if again else PurgeRefused)(f"{vendor} answered {answer.status}: {told}")
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        raise Transient(f"{vendor} could not be asked: {exc!r}") from exc


def as_json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def must_say(vendor: str, answer: bytes, name: str, wanted: object) -> None:
    """Some say in a 200 that they did not. Raises PurgeRefused."""
    try:
        said = json.loads(answer).get(name)
    except (ValueError, AttributeError):
        said = None
    if said != wanted:
        told = answer[:_SHOWN_CHARACTERS].decode("utf-8", "replace")
        raise PurgeRefused(f"{vendor} did not purge: {told}")
