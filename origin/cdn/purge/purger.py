"""The interface of every purge adapter: a prefix in, a request to its CDN out. The caller retries.

Refuses prefixes that are not an asset's or a revision's, so that no mistake purges a whole CDN.
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
_RETRYABLE = frozenset({408, 425, 429})
_PREFIX = re.compile(r"/v/(?P<asset>as_[0-9a-z]+)/(?:(?P<revision>[0-9a-f]+)/)?")


class PurgeRefused(KadrError):
    """The CDN refuses for good: a wrong key, a wrong zone, a wrong prefix."""


class Purger(Protocol):
    """The purge API of one CDN."""

    async def purge(self, prefix: str) -> None:
        """Purge everything below `/v/{asset}/` or `/v/{asset}/{revision}/`. Raises Transient or PurgeRefused."""


async def purge_everywhere(purgers: Mapping[str, Purger], prefix: str) -> dict[str, KadrError]:
    """Purge a prefix at all CDNs concurrently; the errors of those that failed, by pathway id."""

    async def one(purger: Purger) -> KadrError | None:
        try:
            await purger.purge(prefix)
        except KadrError as exc:
            return exc
        return None

    errors = await asyncio.gather(*(one(purger) for purger in purgers.values()))
    return {pathway: error for pathway, error in zip(purgers, errors, strict=True) if error is not None}


def parts(prefix: str) -> tuple[str, str | None]:
    """(asset, revision) of a prefix; the revision is None where it is all of an asset. Raises PurgeRefused."""
    match = _PREFIX.fullmatch(prefix)
    if match is None:
        raise PurgeRefused(f"{prefix!r} must be a prefix /v/ASSET/ or /v/ASSET/REVISION/")
    return match["asset"], match["revision"]


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
            excerpt = text[:_SHOWN_CHARACTERS].decode("utf-8", "replace")
            retryable = answer.status >= 500 or answer.status in _RETRYABLE
            raise (Transient if retryable else PurgeRefused)(f"{vendor} answered {answer.status}: {excerpt}")
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        raise Transient(f"{vendor} could not be reached: {exc!r}") from exc


def as_json(value: object) -> bytes:
    """`value` as compact JSON, for a request body."""
    return json.dumps(value, separators=(",", ":")).encode()


def check_result(vendor: str, answer: bytes, name: str, expected: object) -> None:
    """Raises PurgeRefused unless field `name` of a 200 answer is `expected`: some vendors report failures there."""
    try:
        result = json.loads(answer).get(name)
    except (ValueError, AttributeError):
        result = None
    if result != expected:
        excerpt = answer[:_SHOWN_CHARACTERS].decode("utf-8", "replace")
        raise PurgeRefused(f"{vendor} did not purge: {excerpt}")
