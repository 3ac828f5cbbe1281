"""Who is refused, and with what answer: each refusal that several endpoints share is decided here, once.

403 for a malformed path, a token that is not valid and, where sessions and keys are handed out, a revoked viewer; 404
for an unknown playback id and for what is not ready yet; 410 for what was deleted or taken down. Every function raises
`Problem` or returns what it has checked.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TypeVar

import asyncpg
from aiohttp import web

from core.db import postgres, revocations, sql
from core.db.playback_ids import Published
from core.errors import ObjectMissing
from core.http.problems import Problem
from core.model import AssetId, PlaybackId, RevisionId
from origin.cdn.signers import DeliveryExpired, DeliveryRefused
from origin.cdn.signers import kadr as kadr_token
from origin.context import Context
from packager.revision import Manifest

_SQL = sql.load("gone")
SEEN_WITHIN_S = 1.0  # how long what has just been made, and what was published before it, may be served as it was
Found = TypeVar("Found")


def media_path(request: web.Request, pattern: re.Pattern[str]) -> re.Match[str]:
    """The parts of the path as it was sent, before any percent sign is decoded: one spelling is served. 403 else."""
    parts = pattern.fullmatch(request.raw_path.partition("?")[0])
    if parts is None:
        raise Problem(403, "path_refused", "Malformed media path.")
    return parts


def check_delivery_token(context: Context, token: str, prefix: str) -> None:
    """403 unless `token` is one of Kadr's own delivery tokens, valid now for everything below `prefix`."""
    try:
        kadr_token.verify(token, prefix, context.delivery_keys, time.time())
    except DeliveryExpired as exc:
        raise Problem(403, "token_expired", str(exc), hint="A page renews its session with its renewal_url.") from exc
    except DeliveryRefused as exc:
        raise Problem(403, "token_refused", str(exc)) from exc


async def find_published(context: Context, playback_id: PlaybackId) -> Published:
    """What a playback id stands for, read at most a second ago. 404 for an unknown one."""
    published = await context.published.get(playback_id)
    if published is None:
        raise Problem(404, "not_found", "There is no such playback id.")
    return published


async def look_twice(look: Callable[[], Awaitable[Found | None]]) -> Found | None:
    """What `look` finds, at once or after SEEN_WITHIN_S; None where it finds nothing even then.

    For what an answer of the API names: the API reads the database, this process caches, and must not answer 404 for
    what a page has just been told to show.
    """
    found = await look()
    if found is None:
        await asyncio.sleep(SEEN_WITHIN_S)
        found = await look()
    return found


def check_available(context: Context, published: Published) -> None:
    """410 where the title was deleted or taken down, or its time is over."""
    is_over = published.standing.expired(datetime.now(UTC))
    if is_over or published.deleted or published.taken_down or is_taken_down(context, published.asset_id):
        raise removed()


def is_taken_down(context: Context, asset_id: AssetId) -> bool:
    """Whether the asset is in this process's list of revocations. A lookup in memory."""
    return revocations.asset(asset_id) in context.revoked


def check_not_revoked(
    context: Context, published: Published, playback_id: PlaybackId, session: str, viewer: str | None
) -> None:
    """403 where this session, or everything of this viewer, was revoked."""
    subjects = [revocations.session(playback_id, session)]
    if viewer is not None:
        subjects.append(revocations.viewer(published.owner_id, viewer))
    if any(subject in context.revoked for subject in subjects):
        raise Problem(403, "revoked", "Access to this video was revoked for this viewer.")


async def ready_manifest(context: Context, asset_id: AssetId, revision_id: RevisionId) -> Manifest:
    """The manifest of a revision. 404 while its first revision is still being made, which has none."""
    try:
        return await context.manifests.get((asset_id, revision_id))
    except ObjectMissing as exc:
        raise not_ready() from exc


@contextmanager
def missing_is_removed() -> Iterator[None]:
    """Around reading an object that a manifest or a row names: where it is missing, the asset was deleted. 410."""
    try:
        yield
    except ObjectMissing as exc:
        raise removed() from exc


def removed() -> Problem:
    """For a title that was deleted or taken down."""
    return Problem(410, "gone", "This video is no longer available.")


async def missing_file(context: Context, asset_id: AssetId) -> Problem:
    """For a file that is not in storage: 410 where its asset was deleted or taken down, else 404.

    404 also while PostgreSQL does not answer: caches keep it for seconds only, which does no harm.
    """
    try:
        gone = await context.pool.fetchval(_SQL["is_gone"], asset_id, timeout=2)
    except (asyncpg.PostgresError, *postgres.UNAVAILABLE):
        gone = False
    return removed() if gone else no_such_file()


def no_such_file() -> Problem:
    """For a path that is no file of its revision."""
    return Problem(404, "not_found", "There is no such file.")


def not_ready() -> Problem:
    """For a title of which nothing can be played yet."""
    return Problem(404, "not_ready", "The video is not ready yet.", hint="Try again in a moment.")
