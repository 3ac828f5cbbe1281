"""Garbage: objects that no row has referred to for longer than the longest session are deleted, a few assets a round.

What has been released is in PostgreSQL first (core.db.garbage); the objects are deleted while the asset is locked and
no step of it is under way, and the entry is removed last. A crash at any point leaves entries, and the next round goes
on.

An asset's objects are listed, and those stay which its rows name, or a JSON object that they name: plans, listings, the
manifests of revisions. Folders that belong to no asset and no upload at all are looked for a stretch at a time.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.concurrency import repeat_every
from core.db import garbage, postgres, steps
from core.db.garbage import Due, Held, hashes
from core.db.postgres import Pool
from core.errors import KadrError, ObjectMissing, Transient
from core.model import AssetId, RevisionId
from core.retention import longest_session_s, source_retention_s
from core.settings import MIB, Settings
from core.storage import keys
from core.storage.s3 import DELETED_AT_ONCE, Storage, Stored
from core.telemetry import metrics
from core.telemetry.logs import Log

_LOG = Log("garbage")

ASSETS_AT_ONCE = 16  # a round
OBJECTS_AT_ONCE = DELETED_AT_ONCE  # of an asset, while it is locked
SOURCES_AT_ONCE = 100  # released a round
PAUSE_S = 60  # before an asset that could not be finished is looked at again
FOLDERS_AT_ONCE = 200
ORPHANS_AT_ONCE = 4
# More folders than this, and more than a tenth of the assets: rather the wrong database than lost folders.
FEW_ORPHANS = 100
MAX_DOCUMENT_BYTES = 64 * MIB
ANOTHER_TIME: tuple[type[Exception], ...] = (Transient, ObjectMissing, *postgres.UNAVAILABLE)


class ManifestMissing(KadrError):
    """The manifest of the published revision is not in storage: nothing of this asset is deleted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Collector:
    """One round after the other, by any number of workers at once."""

    settings: Settings
    pool: Pool
    storage: Storage

    async def round(self) -> None:
        """Release sources whose retention is over, look through assets that are due, and a stretch of each bucket."""
        wait_s = longest_session_s(self.settings)
        retention_s = source_retention_s(self.settings)
        if retention_s is not None and (
            count := await garbage.release_sources(self.pool, retention_s, SOURCES_AT_ONCE)
        ):
            _LOG.info("sources.released", sources=count)
        for one in await garbage.due(self.pool, wait_s, ASSETS_AT_ONCE, PAUSE_S):
            try:
                await self._look_through(one)
            except ManifestMissing as exc:
                metrics.MANIFESTS_MISSING.inc()
                _LOG.error("garbage.manifest_missing", exc, asset=one.asset_id)
            except ANOTHER_TIME as exc:
                _LOG.warning("garbage.failed", asset=one.asset_id, error=repr(exc))
        await self._patrol(self.settings.media_bucket, keys.ASSETS, wait_s)
        await self._patrol(self.settings.uploads_bucket, keys.UPLOADS, wait_s)

    async def _look_through(self, one: Due) -> None:
        """Delete what is garbage of an asset, and forget the entries once all of it is deleted."""
        async with self.pool.acquire() as connection:
            held = await garbage.held(connection, one)
        if held.busy:
            return
        if held.useless_source:
            held = await self._give_up_source(one, held)
        bucket = self.settings.media_bucket
        stored = [entry async for entry in self.storage.list(bucket, keys.asset_prefix(one.asset_id))]
        kept = await self._kept(one.asset_id, held, {entry.key: entry for entry in stored})
        doomed = [entry for entry in stored if entry.key not in kept]
        for start in range(0, max(1, len(doomed)), OBJECTS_AT_ONCE):
            batch = doomed[start : start + OBJECTS_AT_ONCE]
            is_last = start + OBJECTS_AT_ONCE >= len(doomed)
            async with self.pool.acquire() as connection, connection.transaction():
                await steps.lock_asset(connection, one.asset_id)
                if await garbage.held(connection, one) != held:
                    return  # something has happened since: another time
                # One request, which is given up in time: the asset's owner waits for the lock.
                await self.storage.delete_all(bucket, [entry.key for entry in batch])
                if is_last:
                    await garbage.forget(connection, one.asset_id, held)
        self._tell(one.asset_id, doomed)

    async def _give_up_source(self, one: Due, held: Held) -> Held:
        """Write down that the source is gone before it is; what the asset needs without it."""
        async with self.pool.acquire() as connection, connection.transaction():
            await steps.lock_asset(connection, one.asset_id)
            if await garbage.held(connection, one) == held:
                await garbage.give_up_source(connection, one.asset_id)
            return await garbage.held(connection, one)

    async def _kept(self, asset_id: AssetId, held: Held, stored: dict[str, Stored]) -> set[str]:
        """The keys of what the rows name, and of what the documents and manifests among it name."""
        named = set(held.documents | held.leaves)
        manifests = {keys.revision_manifest(asset_id, RevisionId(revision)) for revision in held.revisions}
        if held.published is not None and keys.revision_manifest(asset_id, held.published) not in stored:
            raise ManifestMissing
        documents = {keys.media_object(asset_id, sha256) for sha256 in held.documents}
        for key in sorted((manifests | documents) & stored.keys()):
            named |= await self._named_by(stored[key])
        return (
            manifests
            | {keys.media_object(asset_id, sha256) for sha256 in named}
            | {keys.source(asset_id, sha256) for sha256 in held.sources}
        )

    async def _named_by(self, entry: Stored) -> frozenset[str]:
        """The hashes in an object; none where it is an image, a text or media."""
        if entry.size_bytes > MAX_DOCUMENT_BYTES:
            return frozenset()
        body = await self.storage.get(self.settings.media_bucket, entry.key)
        return hashes(body) if body[:1] in (b"{", b"[") else frozenset()

    def _tell(self, asset_id: AssetId, deleted: list[Stored]) -> None:
        for entry in deleted:
            what = entry.key.removeprefix(keys.asset_prefix(asset_id)).partition("/")[0]
            metrics.GARBAGE_OBJECTS.labels(what).inc()
            metrics.GARBAGE_BYTES.labels(what).inc(entry.size_bytes)
        size_bytes = sum(entry.size_bytes for entry in deleted)
        _LOG.info("garbage.collected", asset=asset_id, objects=len(deleted), bytes=size_bytes)

    async def _patrol(self, bucket: str, prefix: str, wait_s: int) -> None:
        """Look through the next folders of a bucket, and delete orphans that were found longer than `wait_s` ago."""
        after = await garbage.begin_patrol(self.pool, bucket, PAUSE_S)
        if after is None:
            return
        folders = await self.storage.folders(bucket, prefix, after, FOLDERS_AT_ONCE)
        await garbage.add_orphans(self.pool, bucket, await self._belong_to_nothing(bucket, folders, wait_s))
        ended = len(folders) < FOLDERS_AT_ONCE
        await garbage.end_patrol(self.pool, bucket, "" if ended else folders[-1], wait_s if ended else 0)
        old = await garbage.old_orphans(self.pool, bucket, wait_s, ORPHANS_AT_ONCE)
        doomed = await self._belong_to_nothing(bucket, old, wait_s)
        if doomed and await self._too_many(bucket):
            return
        for folder in doomed:
            stored = [entry async for entry in self.storage.list(bucket, f"{prefix}{folder}/")]
            await self.storage.delete_all(bucket, [entry.key for entry in stored])
            size_bytes = sum(entry.size_bytes for entry in stored)
            metrics.GARBAGE_OBJECTS.labels("orphan").inc(len(stored))
            metrics.GARBAGE_BYTES.labels("orphan").inc(size_bytes)
            _LOG.info("garbage.orphan_removed", folder=f"{prefix}{folder}", objects=len(stored), bytes=size_bytes)
        await garbage.forget_orphans(self.pool, bucket, old)

    async def _too_many(self, bucket: str) -> bool:
        orphans, assets = await garbage.count_orphans(self.pool, bucket)
        if orphans <= FEW_ORPHANS or orphans * 10 <= assets:
            return False
        _LOG.error("garbage.too_many_orphans", bucket=bucket, orphans=orphans, assets=assets)
        return True

    async def _belong_to_nothing(self, bucket: str, ids: Sequence[str], wait_s: int) -> list[str]:
        if bucket == self.settings.media_bucket:
            return await garbage.unknown_assets(self.pool, ids)
        return await garbage.useless_uploads(self.pool, ids, wait_s)


async def run(settings: Settings, pool: Pool, storage: Storage) -> None:
    """A round every `reconcile_s` until cancelled. While PostgreSQL or storage is away, rounds only fail."""
    collector = Collector(settings=settings, pool=pool, storage=storage)

    def on_error(exc: Exception) -> None:
        if isinstance(exc, ANOTHER_TIME):
            _LOG.warning("garbage.failed", error=repr(exc))
        else:
            _LOG.error("garbage.failed", exc)

    await repeat_every(settings.reconcile_s, collector.round, on_error)
